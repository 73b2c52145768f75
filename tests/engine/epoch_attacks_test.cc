// What writers, operators, storage and accidents can do around the end of an epoch, each tried with
// real keys.
#include <filesystem>

#include "engine/blocks/block_reader.h"
#include "engine/blocks/index_loader.h"
#include "engine/blocks/stored_snapshot.h"
#include "engine/crypto/hash.h"
#include "engine/crypto/kdf.h"
#include "engine/crypto/seal.h"
#include "engine/format/limits.h"
#include "engine/journal/anchor.h"
#include "engine/journal/epoch_keys.h"
#include "engine/ops/epoch/key_rewriter.h"
#include "tests/support/attacker.h"
#include "tests/support/roles.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

EndEpochResult begin_next(Roles& roles, bool drops = false) {
  return end_epoch(roles.owner_repository, {.revoked = {}, .drops_unreadable = drops});
}

// After what others have committed meanwhile.
void require_still_restored(Machine& machine,
                            Repository& repository,
                            const Roles& roles,
                            const SnapshotId& id) {
  repository.journal().replay();
  require_restored(machine, repository, roles, id);
}

Key draw_key(Roles& roles) {
  Key out;
  roles.content.fill(out.mutable_view());
  return out;
}

// The writer's snapshot entry that names these.
void name_segments(Roles& roles,
                   Repository& evil,
                   const std::vector<ObjectHash>& key_segments,
                   const std::vector<SegmentIntroduction>& segments = {}) {
  evil.journal().replay();
  StoredSnapshot claimed;
  claimed.key_segments = key_segments;
  claimed.segments = segments;
  claimed.numbers = numbers_of_each(segments);
  SnapshotTaken taken = snapshot_entry(claimed, evil.state(), "evil", {});
  taken.snapshot = roles.content.draw_id<SnapshotId>();
  forge(*roles.store, evil, roles.content, evil.journal().next_entry(taken));
  evil.journal().replay();
}

// A key segment of the writer's with one group. Its box of sets is sealed to `audit_key`.
ObjectHash put_key_segment(Roles& roles,
                           Repository& evil,
                           const KeyGroup& names,
                           const InnerKeyGroup& secrets,
                           const BoxPublicKey& audit_key) {
  const ObjectAuthor author{.origin = evil.keyring().origin(),
                            .signing_seed = evil.keyring().signing_seed(),
                            .random = roles.content};
  const SealedObject object = seal_key_segment(
      author,
      {.index_key = evil.journal().index_key(),
       .audit_key = audit_key,
       .epoch_key = evil.state().beginning.epoch_key},
      {.outer = {.groups = {names}}, .sets = {.groups = {{}}}, .inner = {.groups = {secrets}}});
  put_sealed(*roles.store, ObjectType::key_segment, object);
  return object.hash;
}

// An operator's end of the epoch, with what `change` makes of it.
JournalEntry forged_end(Roles& roles,
                        Repository& from,
                        const NewEpoch& epoch,
                        const std::vector<SlotId>& revoked,
                        const std::function<Key(const SlotId&)>& journal_key_for) {
  EpochEnded act;
  act.former = {from.state().epoch, from.state().epoch_begun,
                seal_journal_key(from.keyring().journal_key(), epoch.parts.journal_key)};
  act.beginning = epoch.beginning;
  put_anchors(*roles.store, epoch.origin, make_anchor(epoch.origin, epoch.shares.anchor));
  act.revoked = revoked;
  const auto& of = epoch.origin;
  for (const SlotState* slot : from.state().current_slots()) {
    const SlotIntroduction& introduction = slot->introduction;
    if (std::ranges::count(revoked, introduction.slot) > 0) continue;
    EpochParts parts = epoch.parts.clone();
    parts.journal_key = journal_key_for(introduction.slot);
    const Bytes box =
        make_epoch_box(epoch.origin, introduction.slot, introduction.box_key,
                       {.parts = parts, .least = epoch.beginning.least}, introduction.capabilities);
    put_twinned(*roles.store, epoch_box_path(of.epoch_number, of.epoch, introduction.slot), box);
    act.boxes.push_back({introduction.slot, hash_object(box)});
  }
  act.keys = {{.last = from.state().next_sequence - 1, .segments = {}}};
  JournalEntry entry = from.journal().next_entry(act);
  entry.epoch_number = epoch.origin.epoch_number;
  entry.epoch = epoch.origin.epoch;
  return entry;
}

}  // namespace

TEST_CASE("the key of a pack that no index segment lists is carried on while one cannot be read") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  const auto pack = roles.content.draw_id<ObjectHash>();
  const bool is_gap = GENERATE(true, false);
  const bool have_sets_sense = GENERATE(true, false);
  const BoxPublicKey audit_key =
      have_sets_sense ? evil.state().beginning.audit_key : roles.content.draw_id<BoxPublicKey>();
  const SegmentIntroduction lost{roles.content.draw_id<ObjectHash>(), PackKind::data};
  std::vector<ObjectHash> keys = {put_key_segment(
      roles, evil, {.packs = {pack}}, {.packs = {KeyBytes{}}, .bodies = {}}, audit_key)};
  if (is_gap) {
    keys.push_back(put_key_segment(roles, evil, {.index_segments = {{lost.index_segment, {}}}}, {},
                                   audit_key));
  }
  name_segments(roles, evil, keys, is_gap ? std::vector{lost} : std::vector<SegmentIntroduction>{});
  begin_next(roles);
  const State& state = roles.owner_repository.state();
  const auto snapshots = state.all_snapshots();
  const auto snapshot = std::ranges::find_if(
      snapshots, [](const SnapshotPtr& each) { return each->taken.source == "evil"; });
  const KeySegmentOuter outer =
      get_key_segment(roles.owner_repository.journal(), state.key_segments_of(**snapshot).front());
  const auto place = outer.find((*snapshot)->sequence);
  const bool is_carried = place && !outer.groups[*place].packs.empty();
  REQUIRE(is_carried == is_gap);
}

TEST_CASE("a writer cannot name so many key segments that no epoch can end") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  std::vector<ObjectHash> names(entry_key_segments_max + 1);
  for (ObjectHash& name : names) {
    name = roles.content.draw_id<ObjectHash>();
  }
  name_segments(roles, evil, names);
  REQUIRE(evil.state().incidents.size() == 1);
  names.pop_back();
  for (std::uint64_t count = 0; count < 20'000; count += names.size()) {
    for (ObjectHash& name : names) {
      name = roles.content.draw_id<ObjectHash>();
    }
    name_segments(roles, evil, names);
  }
  REQUIRE(evil.state().incidents.size() == 1);
  roles.owner_repository.journal().replay();
  end_epoch(roles.owner_repository, {.revoked = {evil.keyring().slot()}});
  require_still_restored(roles.owner, roles.owner_repository, roles, roles.first);
}

TEST_CASE("a slot that is added while an epoch ends has its keys of the next one") {
  Roles roles(writer_capabilities);
  Machine second(roles.store, 6);
  Repository before = second.open();
  SECTION("before the command has begun to work") {
    begin_next(roles);
  }
  SECTION("in the midst of it") {
    Machine watched(
        std::make_shared<WatchedStore>(*roles.store, "slots/", [&] { begin_next(roles); }), 7);
    Repository during = watched.open();
    add_slot(during, Machine::credential(12), argon2_floor, "newer", owner_capabilities);
    Machine third(roles.store, 9);
    REQUIRE(third.open(12).state().epoch_number == 1);
  }
  add_slot(before, Machine::credential(10), argon2_floor, "new", owner_capabilities);
  Machine third(roles.store, 8);
  REQUIRE(third.open(10).state().epoch_number == 1);
}

TEST_CASE("void entries and forged boxes lead nobody astray on the way back") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  const ObjectOrigin first = evil.keyring().origin();
  begin_next(roles);
  evil.journal().replay();
  SECTION("a chain of void entries, with boxes for all") {
    const Key bogus = draw_key(roles);
    NewEpoch epoch = draw_epoch(evil);
    epoch.origin.epoch_number = 99;
    JournalEntry old = evil.journal().next_entry(StateRemade{});
    old.epoch_number = 0;
    old.epoch = first.epoch;
    put_twinned(*roles.store, journal_path(old.sequence),
                seal_entry(evil.keyring(), bogus, roles.content, old));
    evil.journal().replay();
    epoch.beginning.least = evil.state().next_sequence;
    JournalEntry end = forged_end(roles, evil, epoch, {},
                                  [&](const SlotId&) { return epoch.parts.journal_key.clone(); });
    std::get<EpochEnded>(end.act).former = {first.epoch, old.sequence,
                                            seal_journal_key(bogus, epoch.parts.journal_key)};
    put_twinned(*roles.store, journal_path(end.sequence),
                seal_entry(evil.keyring(), epoch.parts.journal_key, roles.content, end));
  }
  SECTION("an entry of the current epoch that nothing opens, as the head") {
    const Key junk = draw_key(roles);
    const JournalEntry entry = evil.journal().next_entry(StateRemade{});
    put_twinned(*roles.store, journal_path(entry.sequence),
                seal_entry(evil.keyring(), junk, roles.content, entry));
  }
  SECTION("a forged box of an epoch that has ended") {
    const SlotState& owner =
        roles.owner_repository.state().slots.at(roles.owner_repository.keyring().slot());
    const EpochParts junk = draw_epoch_parts(roles.content);
    put_twinned(*roles.store, epoch_box_path(0, first.epoch, owner.introduction.slot),
                make_epoch_box(first, owner.introduction.slot, owner.introduction.box_key,
                               {.parts = junk, .least = 0}, owner_capabilities));
  }
  SECTION("a box and an entry of a version that is yet to come") {
    JournalEntry entry = evil.journal().next_entry(StateRemade{});
    entry.epoch_number = 7;
    entry.epoch = roles.content.draw_id<EpochId>();
    put_twinned(*roles.store, journal_path(entry.sequence),
                seal_entry(evil.keyring(), draw_key(roles), roles.content, entry));
    Bytes box = roles.store->objects().at(
        epoch_box_path(1, evil.state().epoch, roles.owner_repository.keyring().slot()));
    box[8] = 2;  // the version
    put_twinned(*roles.store,
                epoch_box_path(7, entry.epoch, roles.owner_repository.keyring().slot()), box);
  }
  SECTION("one forged copy of a box, the other good") {
    const State& state = roles.owner_repository.state();
    const SlotState& owner = state.slots.at(roles.owner_repository.keyring().slot());
    const EpochParts junk = draw_epoch_parts(roles.content);
    roles.store->overwrite(
        epoch_box_path(1, state.epoch, owner.introduction.slot),
        make_epoch_box(roles.owner_repository.keyring().origin(), owner.introduction.slot,
                       owner.introduction.box_key, {.parts = junk, .least = state.beginning.least},
                       owner_capabilities));
  }
  Machine late(roles.store, 8);
  Repository fresh = late.open();
  roles.owner_repository.journal().replay();
  REQUIRE(fresh.state() == roles.owner_repository.state());
  require_still_restored(late, fresh, roles, roles.first);
}

TEST_CASE("a lost box is an error that names it, whatever stands after the head") {
  Roles roles(writer_capabilities);
  const State& state = roles.owner_repository.state();
  const std::string box = epoch_box_path(0, state.epoch, roles.owner_repository.keyring().slot());
  roles.store->remove(box);
  roles.store->remove(second_copy_path(box));
  roles.store->put(journal_path(state.next_sequence), Bytes{1});
  Machine late(roles.store, 8);  // which has kept none
  REQUIRE(error_code([&] { late.open(); }) == Code::missing);
}

TEST_CASE("a restore that an epoch's end has caught goes on by the keys of the new epoch") {
  Roles roles(writer_capabilities);
  Machine late(roles.store, 8);
  Repository there = late.open();
  there.blocks().index();
  begin_next(roles);
  const TemporaryDirectory target;
  REQUIRE(late.restore(there, roles.first, roles.source / "tree", target / "out").problems == 0);
  REQUIRE(there.state().epoch == roles.owner_repository.state().epoch);
  require_still_restored(late, there, roles, roles.first);
}

TEST_CASE("what a writer names and nobody can read asks for a word once, and for none to revoke") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  SECTION("a key segment") {
    name_segments(roles, evil, {roles.content.draw_id<ObjectHash>()});
    REQUIRE(error_code([&] { begin_next(roles); }) == Code::corrupt);
  }
  SECTION("an index segment") {
    name_segments(roles, evil, {}, {{roles.content.draw_id<ObjectHash>(), PackKind::data}});
    begin_next(roles);  // without a key it could never count
  }
  SECTION("revoked") {
    name_segments(roles, evil, {roles.content.draw_id<ObjectHash>()});
    end_epoch(roles.owner_repository, {.revoked = {evil.keyring().slot()}});
    begin_next(roles);
  }
  begin_next(roles, true);
  begin_next(roles);
  require_still_restored(roles.owner, roles.owner_repository, roles, roles.first);
}

TEST_CASE("what is given up is what only that opens") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  const SnapshotTaken taken = roles.owner_repository.state().snapshots.at(roles.first).taken;
  claim_packs(evil, roles.other.random, pack_names(*roles.store));
  std::map<std::string, Bytes> saved;
  for (const SegmentIntroduction& segment : taken.segments) {
    saved.merge(take_away(*roles.store, index_segment_path(segment.index_segment)));
  }
  Machine late(roles.store, 8);
  Repository repository = late.open();
  REQUIRE(end_epoch(repository, {.revoked = {}, .drops_unreadable = true}).dropped.empty());
  put_back(*roles.store, saved);
  Machine later(roles.store, 9);
  Repository fresh = later.open();
  require_still_restored(later, fresh, roles, roles.first);
}

TEST_CASE("a slot opens beside what key adds that were cut off have left, in any epoch") {
  Roles roles(writer_capabilities);
  for (std::uint64_t i = 0; i < 4; ++i) {
    auto copy = std::make_shared<MemoryStore>();
    for (const auto& [name, bytes] : roles.store->objects()) {
      copy->put(name, bytes);
    }
    Machine machine(copy, 20 + i);
    Repository there = machine.open();
    add_slot(there, Machine::credential(10), argon2_floor, "cut off", writer_capabilities);
    for (const auto& [name, bytes] : copy->objects()) {
      if (!name.starts_with("journal/")) roles.store->put(name, bytes);
    }
  }
  begin_next(roles);
  const SlotId slot = add_slot(roles.owner_repository, Machine::credential(10), argon2_floor, "new",
                               writer_capabilities);
  Machine third(roles.store, 8);
  REQUIRE(third.open(10).keyring().slot() == slot);
}

TEST_CASE("a writer cannot keep key segments of an ended epoch in the store") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  std::vector<ObjectHash> names;
  for (const auto& [name, author] : evil.state().key_segments.all()) {
    names.push_back(name);
  }
  Machine owner(std::make_shared<WatchedStore>(*roles.store, "journal/",
                                               [&] { name_segments(roles, evil, names); }),
                6);
  Repository repository = owner.open();
  end_epoch(repository, {});
  for (const ObjectHash& name : names) {
    REQUIRE_FALSE(roles.store->objects().contains(key_segment_path(name)));
  }
}

TEST_CASE("a backup that relies on what is given up meanwhile reads its source again") {
  Roles roles(writer_capabilities);
  Repository writer = roles.open();
  roles.write_news(300'000, "mine");
  const SnapshotId before = roles.backup(writer, "laptop").snapshot;
  roles.write_news(100'000);
  const auto give_up = [&] {
    roles.owner_repository.journal().replay();
    for (const ObjectHash& name :
         roles.owner_repository.state().snapshots.at(before).taken.key_segments) {
      roles.store->remove(key_segment_path(name));
      roles.store->remove(second_copy_path(key_segment_path(name)));
    }
    begin_next(roles, true);
  };
  Machine laptop(std::make_shared<WatchedStore>(*roles.store, "keys/", give_up), 6);
  Repository there = laptop.open(9);
  BackupOptions options;
  options.paths = {roles.source / "tree"};
  options.source = "laptop";
  const BackupResult result = backup(there, options);
  require_still_restored(roles.owner, roles.owner_repository, roles, result.snapshot);
}

TEST_CASE("an index reads each key segment once, whoever's snapshots take turns") {
  Roles roles(writer_capabilities);
  Repository writer = roles.open();
  for (int i = 0; i < 5; ++i) {
    roles.write_news(30'000);
    roles.backup(writer, "laptop");
    roles.owner.backup(roles.owner_repository, roles.source / "tree");
  }
  begin_next(roles);
  const std::uint64_t before = roles.store->get_count("keys/");
  Machine late(roles.store, 8);
  Repository there = late.open();
  there.blocks().index();
  REQUIRE(roles.store->get_count("keys/") - before <= there.state().key_segments.all().size());
}

TEST_CASE("a process that is behind does not spoil the index of a later epoch") {
  Roles roles(writer_capabilities);
  Repository& behind = roles.owner_repository;
  Repository ahead = roles.owner.open();  // another process with the same state directory
  roles.write_news(30'000);
  roles.owner.backup(ahead, roles.source / "tree");
  const bool is_cut_off = GENERATE(false, true);
  const auto before = roles.store->objects();
  end_epoch(ahead, {});
  if (is_cut_off) {  // the clean-up did not come that far
    for (const auto& [name, bytes] : before) {
      if (name.starts_with("keys/")) roles.store->put(name, bytes);
    }
  }
  ahead.blocks().index();
  behind.blocks().index();  // what any command does first
  Repository next = roles.owner.open();
  next.blocks().index();
  {
    const BlockIndex::Reader index(next.blocks().index());
    REQUIRE(index.pack_count() == pack_names(*roles.store).size());
  }
  end_epoch(next, {});
  require_still_restored(roles.owner, next, roles, roles.first);
}

TEST_CASE("of two that end an epoch at once the loser plans anew") {
  Roles roles(writer_capabilities);
  const std::string where = GENERATE("keys/", "epochs/");
  Machine owner(std::make_shared<WatchedStore>(*roles.store, where, [&] { begin_next(roles); }), 6);
  Repository repository = owner.open();
  REQUIRE(end_epoch(repository, {}).epoch_number == 2);
}

TEST_CASE("an operator's void end shuts nobody out, early or late") {
  Roles roles(operator_capabilities);
  Repository op = roles.open();
  add_slot(roles.owner_repository, Machine::credential(11), argon2_floor, "owner2",
           owner_capabilities);
  op.journal().replay();
  const SlotId owner = roles.owner_repository.keyring().slot();
  const NewEpoch epoch = draw_epoch(op);
  const JournalEntry entry = forged_end(
      roles, op, epoch, {owner}, [&](const SlotId&) { return epoch.parts.journal_key.clone(); });
  put_twinned(*roles.store, journal_path(entry.sequence),
              seal_entry(op.keyring(), epoch.parts.journal_key, roles.content, entry));
  Machine machine(roles.store, 12);
  Repository other = machine.open(11);
  REQUIRE(other.state().incidents.size() == 1);
  // Who has no box cannot tell, and stops; the next epoch has one.
  REQUIRE(error_code([&] { roles.owner_repository.journal().replay(); }) == Code::refused);
  end_epoch(other, {});
  roles.owner_repository.journal().replay();
  Machine cold(roles.store, 13);
  Machine cold_too(roles.store, 14);
  REQUIRE(cold.open().state() == roles.owner_repository.state());
  REQUIRE(cold_too.open(11).state() == roles.owner_repository.state());
}

TEST_CASE("a box that is junk in an epoch's valid end is found by any slot that reads") {
  Roles roles(operator_capabilities);
  Repository op = roles.open();
  const SlotId owner = roles.owner_repository.keyring().slot();
  const NewEpoch epoch = draw_epoch(op);
  const JournalEntry entry = forged_end(roles, op, epoch, {}, [&](const SlotId& slot) {
    return slot == owner ? draw_key(roles) : epoch.parts.journal_key.clone();
  });
  REQUIRE(
      op.journal().commit_at_head(op.journal().require_writable(), entry, epoch.parts.journal_key));
  op.journal().replay();
  REQUIRE(error_code([&] { roles.owner_repository.journal().replay(); }) == Code::corrupt);
  const std::string name = epoch_box_path(1, epoch.origin.epoch, owner);
  const std::vector<Finding> findings = verify(op, {}).findings;
  REQUIRE(std::ranges::any_of(findings, [&](const Finding& f) { return f.object == name; }));
}

TEST_CASE("a verify that an epoch's end has caught begins again, and distrusts nothing") {
  Roles roles(writer_capabilities);

  class OnPack final : public ForwardingStore {
   public:
    OnPack(Store& store, std::function<void()> seen)
        : ForwardingStore(store), seen_(std::move(seen)) {}

    std::optional<std::uint64_t> size(const std::string& name) override {
      if (name.starts_with("packs/") && seen_) std::exchange(seen_, {})();
      return ForwardingStore::size(name);
    }

   private:
    std::function<void()> seen_;
  };

  Machine owner(std::make_shared<OnPack>(*roles.store, [&] { begin_next(roles); }), 6);
  Repository repository = owner.open();
  VerifyOptions options;
  options.level = VerifyLevel::content;
  options.repairs = true;
  options.threads = 1;
  const VerifyReport report = verify(repository, options);
  REQUIRE(report.findings.empty());
  REQUIRE(report.snapshots == 1);
  REQUIRE(repository.state().epoch == roles.owner_repository.state().epoch);
  REQUIRE(repository.local().damage().packs().empty());
}
