// A plan of removal is carried out on the repository as it is by then: a plan that is old, or
// wrong, removes nothing that counts.
#include "engine/repository/ended_objects.h"

#include <algorithm>
#include <set>

#include "engine/crypto/hash.h"
#include "engine/format/names.h"
#include "engine/keys/sealed_object.h"
#include "tests/support/forwarding_store.h"
#include "tests/support/roles.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

std::set<std::string> paths_in(const MemoryStore& store) {
  std::set<std::string> out;
  for (const auto& [path, bytes] : store.objects()) {
    out.insert(path);
  }
  return out;
}

RemovalPlan plan_of(const std::set<std::string>& paths) {
  RemovalPlan out;
  for (const std::string& path : paths) {
    out.removals.push_back({path, "of a plan that is wrong"});
  }
  return out;
}

// The bytes of a key segment of the repository, of that epoch: nobody can open it.
Bytes key_segment_of(Roles& roles, std::uint32_t number, const EpochId& epoch) {
  const Keyring& keyring = roles.owner_repository.keyring();
  ObjectOrigin origin = keyring.origin();
  origin.epoch_number = number;
  origin.epoch = epoch;
  return seal_object({.type = ObjectType::key_segment, .origin = origin}, Key(),
                     keyring.signing_seed(), roles.content, random_bytes(roles.content, 100));
}

}  // namespace

TEST_CASE("a plan that names every object of the store removes nothing that counts") {
  Roles roles(writer_capabilities);
  Repository& owner = roles.owner_repository;
  end_epoch(owner, {});
  roles.owner.backup(owner, roles.source / "tree");
  rewrap_slot(owner, Machine::credential(12), argon2_floor);
  const std::string former =
      epoch_box_path(0, roles.content.draw_id<EpochId>(), owner.keyring().slot());
  roles.store->put(former, Bytes{1});
  const std::set<std::string> before = paths_in(*roles.store);
  REQUIRE(remove_planned(owner, plan_of(before), owner.remover()) == 1);
  std::set<std::string> after = paths_in(*roles.store);
  REQUIRE(after.insert(former).second);
  REQUIRE(after == before);
  require_restored(roles.owner, owner, roles, roles.first);
}

TEST_CASE("a plan that is old leaves alone what an entry has named since") {
  Roles roles(writer_capabilities);
  Repository& owner = roles.owner_repository;
  end_epoch(owner, {});
  const std::set<std::string> before = paths_in(*roles.store);
  Repository writer = roles.open();
  roles.backup(writer, "laptop");
  // The epoch's id is damaged in the header of one copy: it looks like one of a lost attempt.
  std::string damaged_path;
  for (const auto& [path, bytes] : roles.store->objects()) {
    if (!path.starts_with("keys/") || before.contains(path)) continue;
    Bytes damaged = bytes;
    const auto epoch = owner.state().epoch.bytes;
    const auto at = std::search(damaged.begin(), damaged.end(), epoch.begin(), epoch.end());
    REQUIRE(at != damaged.end());
    *at ^= 1;
    roles.store->overwrite(path, damaged);
    damaged_path = path;
    break;
  }
  // The owner's machine has not replayed the writer's entry: for it, nothing names the object.
  const RemovalPlan plan = find_ended_objects(owner);
  REQUIRE(plan.removals.size() == 1);
  REQUIRE(plan.removals.front().path == damaged_path);
  REQUIRE(remove_planned(owner, plan, owner.remover()) == 0);
  REQUIRE(roles.store->size(damaged_path));
  REQUIRE(verify(owner, {.repairs = true}).healed == 1);
  REQUIRE(verify(owner, {}).findings.empty());
}

TEST_CASE("a plan of a slot's objects leaves alone the one that the journal names since") {
  Roles roles(writer_capabilities);
  Repository& owner = roles.owner_repository;
  const SlotId slot = owner.keyring().slot();
  rewrap_slot(owner, Machine::credential(12), argon2_floor);
  REQUIRE(owner.state().slots.at(slot).generation == 2);
  roles.store->put(slot_path(slot, 1), Bytes{1});
  const RemovalPlan plan = plan_of({slot_path(slot, 1), slot_path(slot, 2), slot_path(slot, 3)});
  REQUIRE(remove_planned(owner, plan, owner.own_slot_remover()) == 1);
  REQUIRE_FALSE(roles.store->size(slot_path(slot, 1)));
  REQUIRE(roles.store->size(slot_path(slot, 2)));
}

TEST_CASE("the plan of what an epoch's end will leave removes nothing before the end") {
  Roles roles(writer_capabilities);
  Repository& owner = roles.owner_repository;
  end_epoch(owner, {});
  const std::string former =
      epoch_box_path(0, roles.content.draw_id<EpochId>(), owner.keyring().slot());
  roles.store->put(former, Bytes{1});
  const RemovalPlan plan = plan_end_epoch(owner, {}).removal;
  REQUIRE(plan.removals.size() > 1);
  const auto objects = roles.store->objects();
  REQUIRE(remove_planned(owner, plan, owner.remover()) == 0);
  REQUIRE(roles.store->objects() == objects);
}

TEST_CASE("an object that is gone already is not counted as removed") {
  Roles roles(writer_capabilities);
  Repository& owner = roles.owner_repository;
  end_epoch(owner, {});
  const Bytes former = key_segment_of(roles, 0, roles.content.draw_id<EpochId>());
  const std::string path = key_segment_path(hash_object(former));
  roles.store->put(path, former);
  const RemovalPlan plan = find_ended_objects(owner);
  REQUIRE(plan.removals.size() == 1);
  REQUIRE(remove_planned(owner, plan, owner.remover()) == 1);
  REQUIRE(remove_planned(owner, plan, owner.remover()) == 0);
}

TEST_CASE("the plan of an epoch's end writes nothing, and says what the end then does") {
  Roles roles(writer_capabilities);
  Repository& owner = roles.owner_repository;
  Repository writer = roles.open();
  roles.backup(writer, "laptop");
  end_epoch(owner, {});
  writer.journal().replay();
  roles.backup(writer, "laptop");
  // Left by an attempt that was cut off, by a writer that was caught, and by somebody unknown.
  const auto put = [&](const std::string& path, const Bytes& bytes) {
    roles.store->put(path, bytes);
  };
  put(epoch_box_path(2, roles.content.draw_id<EpochId>(), owner.keyring().slot()), {1});
  put(epoch_box_path(3, roles.content.draw_id<EpochId>(), owner.keyring().slot()), {1});
  const Bytes former = key_segment_of(roles, 0, roles.content.draw_id<EpochId>());
  put(key_segment_path(hash_object(former)), former);
  put(concat("keys/", std::string(64, 'a')), {1, 2, 3});
  const EndEpochOptions options{.revoked = {writer.keyring().slot()}};
  const auto objects = roles.store->objects();
  const EndEpochPlan plan = plan_end_epoch(owner, options);
  REQUIRE(roles.store->objects() == objects);
  REQUIRE(plan.slots.shut_out == options.revoked);
  REQUIRE(plan.slots.kept == std::vector<SlotId>{owner.keyring().slot()});
  REQUIRE(plan.carried.size() == owner.state().key_segments.all().size());
  REQUIRE(plan.dropped.empty());
  const EndEpochResult result = end_epoch(owner, options);
  REQUIRE(result.sequence == plan.sequence);
  REQUIRE(result.epoch_number == plan.epoch_number);
  REQUIRE(result.dropped == plan.dropped);
  REQUIRE(result.removed == plan.removal.removals.size());
  std::set<std::string> gone;
  for (const auto& [path, bytes] : objects) {
    if (!roles.store->size(path)) gone.insert(path);
  }
  std::set<std::string> planned;
  for (const Removal& removal : plan.removal.removals) {
    planned.insert(removal.path);
  }
  REQUIRE(planned == gone);
  REQUIRE(verify(owner, {.level = VerifyLevel::content}).findings.empty());
}

TEST_CASE("the plan of an epoch's end is refused where the end itself is") {
  Roles roles(writer_capabilities);
  Repository& owner = roles.owner_repository;
  Repository writer = roles.open();
  REQUIRE(error_code([&] { plan_end_epoch(writer, {}); }) == Code::refused);
  const SlotId own = owner.keyring().slot();
  REQUIRE(error_code([&] { plan_end_epoch(owner, {.revoked = {own}}); }) == Code::invalid);
  const std::string path = key_segment_path(owner.state().key_segments.all().begin()->first);
  for (const std::string& copy : {path, second_copy_path(path)}) {
    Bytes damaged = roles.store->objects().at(copy);
    damaged[damaged.size() / 2] ^= 1;
    roles.store->overwrite(copy, damaged);
  }
  REQUIRE(error_code([&] { plan_end_epoch(owner, {}); }) == Code::corrupt);
  const EndEpochPlan plan = plan_end_epoch(owner, {.drops_unreadable = true});
  REQUIRE(plan.dropped == std::vector<std::string>{path});
  REQUIRE(plan.carried.empty());
  REQUIRE(owner.state().epoch_number == 0);
}

TEST_CASE("a repair's dry run writes nothing, and finds what the repair then heals and removes") {
  Roles roles(writer_capabilities);
  Repository& owner = roles.owner_repository;
  end_epoch(owner, {});
  roles.owner.backup(owner, roles.source / "tree");
  const std::string hurt = key_segment_path(owner.state().key_segments.all().begin()->first);
  Bytes damaged = roles.store->objects().at(hurt);
  damaged[damaged.size() / 2] ^= 1;
  roles.store->overwrite(hurt, damaged);
  const std::string former =
      epoch_box_path(0, roles.content.draw_id<EpochId>(), owner.keyring().slot());
  roles.store->put(former, Bytes{1});
  const auto objects = roles.store->objects();
  VerifyOptions options{.level = VerifyLevel::content, .repairs = true, .is_dry_run = true};
  const VerifyReport planned = verify(owner, options);
  REQUIRE(roles.store->objects() == objects);
  REQUIRE(planned.healed == 0);
  REQUIRE(planned.proved == 0);
  options.is_dry_run = false;
  const VerifyReport done = verify(owner, options);
  REQUIRE(done.healed == 2);
  REQUIRE(planned.findings.size() == done.findings.size());
  for (std::size_t i = 0; i < done.findings.size(); ++i) {
    REQUIRE(planned.findings[i].object == done.findings[i].object);
    REQUIRE(planned.findings[i].remedy == done.findings[i].remedy);
    REQUIRE(done.findings[i].remedy ==
            (done.findings[i].object == former ? Remedy::remove : Remedy::heal));
  }
  REQUIRE_FALSE(roles.store->size(former));
  REQUIRE(verify(owner, {}).findings.empty());
}

TEST_CASE("a clean-up removes what has ended and nothing else") {
  Roles roles(writer_capabilities);
  Repository& owner = roles.owner_repository;
  rotate(roles);
  roles.owner.backup(owner, roles.source / "tree");
  const State& state = owner.state();
  const SlotId slot = owner.keyring().slot();
  const auto put = [&](const std::string& name, const Bytes& bytes) {
    roles.store->put(name, bytes);
    return name;
  };
  const auto key_segment = [&](std::uint32_t number, const EpochId& epoch) {
    ObjectOrigin origin = owner.keyring().origin();
    origin.epoch_number = number;
    origin.epoch = epoch;
    const Bytes bytes = seal_object({.type = ObjectType::key_segment, .origin = origin}, Key(),
                                    owner.keyring().signing_seed(), roles.content,
                                    random_bytes(roles.content, 100));
    return std::pair(key_segment_path(hash_object(bytes)), bytes);
  };
  const auto draw = [&] { return roles.content.draw_id<EpochId>(); };
  std::set<std::string> ended;
  ended.insert(put(epoch_box_path(0, draw(), slot), {1}));
  ended.insert(
      put(second_copy_path(epoch_box_path(1, draw(), slot)), {1}));  // an attempt that lost
  for (const auto& [name, bytes] : {key_segment(0, draw()), key_segment(1, draw())}) {
    ended.insert(put(name, bytes));
  }
  // Copies that others have made, under names that no object has; and what is no object.
  const Bytes own_box = roles.store->objects().at(epoch_box_path(1, state.epoch, slot));
  ended.insert(put(concat(epoch_box_path(1, state.epoch, slot), ".sync-conflict-1"), own_box));
  ended.insert(put(concat(epoch_box_path(1, state.epoch, slot), ".0123456789abcdef.new"), own_box));
  ended.insert(put(concat("epochs/1-", hex(draw()), "/notes"), {1}));
  const std::string in_folder = put(concat("slots/copy/", hex(slot), "-1"), {1});
  ended.insert("slots/copy");
  ended.insert(put(concat("keys/", std::string(64, 'a')), {1, 2, 3}));
  // An attempt that may yet be committed; a running backup's; what is named.
  put(epoch_box_path(2, draw(), slot), {1});
  put(epoch_box_path(7, state.epoch, slot), {1});
  for (const auto& [name, bytes] : {key_segment(2, draw()), key_segment(1, state.epoch)}) {
    put(name, bytes);
  }
  const std::string named = key_segment_path(state.key_segments.all().begin()->first);
  Bytes damaged = roles.store->objects().at(named);
  damaged[12] = 0;  // the header's epoch: as if it were of the one before
  roles.store->overwrite(named, damaged);
  const auto before = paths_in(*roles.store);
  std::set<std::string> found;
  for (const Removal& removal : find_ended_objects(owner).removals) {
    found.insert(removal.path);
  }
  REQUIRE(found == ended);
  REQUIRE(remove_ended_objects(owner) == ended.size());
  auto after = paths_in(*roles.store);
  after.merge(ended);
  after.erase("slots/copy");
  after.insert(in_folder);
  REQUIRE(after == before);
  require_restored(roles.owner, owner, roles, roles.first);
}

TEST_CASE("a damaged copy of a key segment goes with the whole one, and not without") {
  Roles roles(writer_capabilities);
  Repository& owner = roles.owner_repository;
  const EpochId former = owner.state().epoch;
  rotate(roles);
  const bool is_of_ended = GENERATE(true, false);
  const Bytes bytes =
      is_of_ended ? key_segment_of(roles, 0, former) : key_segment_of(roles, 2, former);
  const std::string first = key_segment_path(hash_object(bytes));
  const std::string second = second_copy_path(first);
  Bytes damaged = bytes;
  damaged[9] ^= 4;  // as if a newer version had made it
  const bool is_first = GENERATE(true, false);
  roles.store->put(is_first ? first : second, damaged);
  REQUIRE(find_ended_objects(owner).removals.empty());
  roles.store->put(is_first ? second : first, bytes);
  REQUIRE(remove_ended_objects(owner) == (is_of_ended ? 2 : 0));
  REQUIRE(roles.store->size(first).has_value() == !is_of_ended);
  REQUIRE(roles.store->size(second).has_value() == !is_of_ended);
  // One that is not what its name says tells nothing of the other.
  Bytes forged = key_segment_of(roles, 0, former);
  roles.store->overwrite(is_first ? first : second, damaged);
  roles.store->overwrite(is_first ? second : first, forged);
  REQUIRE(remove_ended_objects(owner) == 1);
  REQUIRE(roles.store->size(is_first ? first : second));
}

TEST_CASE("in the first epoch a clean-up removes what nobody can name, and nothing else") {
  World world;
  const auto draw = [&] { return world.machine.random.draw_id<EpochId>(); };
  const std::string other = epoch_box_path(0, draw(), world.repository.keyring().slot());
  const auto before = world.store->objects();
  world.store->put(other, Bytes{1});
  REQUIRE(find_ended_objects(world.repository).removals.size() == 1);
  REQUIRE(remove_ended_objects(world.repository) == 1);
  REQUIRE((world.store->objects() == before));
}

TEST_CASE("what a slow client has put for a slot stays while its epoch lasts, and goes with it") {
  Roles roles(owner_capabilities);
  Repository& owner = roles.owner_repository;
  // Elsewhere a slot is added and given a new secret; of that, all but the entries is here.
  auto ahead = std::make_shared<MemoryStore>();
  for (const auto& [path, bytes] : roles.store->objects()) {
    ahead->put(path, bytes);
  }
  Machine there(ahead, 8);
  Repository slow = there.open(9);
  add_slot(slow, Machine::credential(10), argon2_floor, "late");
  rewrap_slot(slow, Machine::credential(11), argon2_floor);
  std::set<std::string> late;
  for (const auto& [path, bytes] : ahead->objects()) {
    if (path.starts_with("journal/") || path.starts_with("probe/")) continue;
    if (roles.store->size(path)) continue;
    roles.store->put(path, bytes);
    late.insert(path);
  }
  REQUIRE(late.size() == 8);  // slot object, grant, box; another slot's object
  REQUIRE(find_ended_objects(owner).removals.empty());
  const VerifyReport report = verify(owner, {.repairs = true});
  REQUIRE(report.findings.size() == late.size());
  for (const Finding& finding : report.findings) {
    REQUIRE(late.contains(finding.object));
    REQUIRE(finding.remedy == Remedy::wait);
  }
  end_epoch(owner, {});
  const std::string secret = slot_path(slow.keyring().slot(), 2);
  for (const std::string& path : late) {
    INFO(path);
    REQUIRE(roles.store->size(path).has_value() == (first_copy_path(path) == secret));
  }
  // What only looks like a secret of that slot does not wait for anybody.
  roles.store->put(slot_path(slow.keyring().slot(), 3), Bytes(300, 1));
  REQUIRE(remove_ended_objects(owner) == 1);
  // The slot's next secret takes the place of the one that was cut off.
  Machine machine(roles.store, 9);
  Repository again = machine.open(9);
  rewrap_slot(again, Machine::credential(12), argon2_floor);
  REQUIRE_FALSE(roles.store->size(secret));
  owner.journal().replay();
  REQUIRE(verify(owner, {}).findings.empty());
}

TEST_CASE("the objects of a slot that was revoked go, and are reported until they are gone") {
  Roles roles(writer_capabilities);
  Repository& owner = roles.owner_repository;
  const SlotId slot = slot_called(owner.state(), "other");
  const auto before = roles.store->objects();
  revoke(roles);
  for (const std::string& path : {slot_path(slot, 1), grant_path(slot)}) {
    REQUIRE_FALSE(roles.store->size(path));
    REQUIRE_FALSE(roles.store->size(second_copy_path(path)));
    roles.store->put(path, before.at(path));
  }
  const VerifyReport report = verify(owner, {});
  REQUIRE(report.findings.size() == 2);
  REQUIRE(report.findings.front().problem == "it was to be removed: its slot was revoked");
  REQUIRE(verify(owner, {.repairs = true}).healed == 2);
  REQUIRE(verify(owner, {}).findings.empty());
}

TEST_CASE("a secret that a write has left in tmp/ is removed once nothing can need it") {
  Roles roles(owner_capabilities);
  Repository& owner = roles.owner_repository;
  const SlotId slot = owner.keyring().slot();
  const auto objects = roles.store->objects();
  const auto put = [&](const std::string& name, const std::string& path, std::size_t cut = 0) {
    Bytes bytes = objects.at(path);
    bytes.resize(bytes.size() - cut);
    roles.store->put("tmp/" + name, bytes);
  };
  put("box", epoch_box_path(0, owner.state().epoch, slot));
  put("cut-box", epoch_box_path(0, owner.state().epoch, slot), 20);
  put("grant", grant_path(slot));
  put("slot", slot_path(slot, 1));
  put("keys", key_segment_path(owner.state().key_segments.all().begin()->first));
  put("journal", journal_path(0));
  roles.store->put("tmp/empty", Bytes());
  roles.store->put("tmp/folder/notes", Bytes{1});
  REQUIRE(find_ended_objects(owner).removals.empty());  // they may be being written
  rewrap_slot(owner, Machine::credential(12), argon2_floor);
  REQUIRE(remove_ended_objects(owner) == 1);
  REQUIRE_FALSE(roles.store->size("tmp/slot"));
  put("slot", slot_path(slot, 1));
  end_epoch(owner, {});
  REQUIRE(names_of(*roles.store, "tmp/") ==
          std::vector<std::string>{"tmp/empty", "tmp/folder/notes", "tmp/journal"});
}

TEST_CASE("an object that cannot be removed keeps no other from going") {
  class Sticky final : public ForwardingStore {
   public:
    using ForwardingStore::ForwardingStore;

    void remove(const std::string& path) override {
      if (path == sticking) throw Error(Code::failed, "the object is locked");
      ForwardingStore::remove(path);
    }

    std::string sticking;
  };

  World world;
  const auto store = std::make_shared<Sticky>(*world.store);
  Machine machine(store, 6);
  Repository repository = machine.open();
  for (const std::string path : {"grants/a", "grants/b", "slots/c"}) {
    world.store->put(path, Bytes{1});
  }
  store->sticking = "grants/a";
  REQUIRE(error_code([&] { remove_ended_objects(repository); }) == Code::failed);
  REQUIRE(find_ended_objects(repository).removals.size() == 1);
  const VerifyReport report = verify(repository, {.repairs = true});
  REQUIRE(report.findings.size() == 1);
  REQUIRE_FALSE(report.findings.front().is_healed);
}

TEST_CASE("what has ended stays until the entry that ended it is known to outlast it") {
  class Unconfirmed final : public ForwardingStore {
   public:
    using ForwardingStore::ForwardingStore;

    void confirm(const std::string& name) override {
      if (is_failing) throw Error(Code::failed, "the disk does not answer");
      ForwardingStore::confirm(name);
    }

    bool is_failing = false;
  };

  Roles roles(writer_capabilities);
  rotate(roles);
  roles.store->put(epoch_box_path(0, roles.content.draw_id<EpochId>(), SlotId{}), Bytes{1});
  const auto store = std::make_shared<Unconfirmed>(*roles.store);
  Machine machine(store, 6);
  Repository repository = machine.open();
  store->is_failing = true;
  REQUIRE(error_code([&] { remove_ended_objects(repository); }) == Code::failed);
  REQUIRE(find_ended_objects(repository).removals.size() == 1);
  store->is_failing = false;
  REQUIRE(remove_ended_objects(repository) == 1);
}

TEST_CASE("a repair's dry run vouches for nothing in the journal") {
  Roles roles(writer_capabilities);
  Repository writer = roles.open();
  roles.write_news(100'000);
  roles.backup(writer, "laptop");
  Repository& owner = roles.owner_repository;
  owner.journal().replay();
  VerifyOptions options{.level = VerifyLevel::content, .repairs = true, .is_dry_run = true};
  const auto objects = roles.store->objects();
  REQUIRE(verify(owner, options).proved == 0);
  REQUIRE(roles.store->objects() == objects);
  options.is_dry_run = false;
  REQUIRE(verify(owner, options).proved > 0);
}
