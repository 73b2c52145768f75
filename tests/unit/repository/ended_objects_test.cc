// Objects of epochs that have ended: which they are, and that nothing else goes with them.
#include "engine/repository/ended_objects.h"

#include <set>

#include "engine/crypto/hash.h"
#include "engine/format/names.h"
#include "engine/keys/sealed_object.h"
#include "tests/support/forwarding_store.h"
#include "tests/support/roles.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

std::set<std::string> all_names(const MemoryStore& store) {
  const std::vector<std::string> names = names_of(store, "");
  return {names.begin(), names.end()};
}

}  // namespace

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
    return std::pair(key_segment_name(hash_object(bytes)), bytes);
  };
  const auto draw = [&] { return roles.content.draw_id<EpochId>(); };
  std::set<std::string> ended;
  ended.insert(put(epoch_name(0, draw(), slot), {1}));
  ended.insert(put(twin_name(epoch_name(1, draw(), slot)), {1}));  // an attempt that lost
  for (const auto& [name, bytes] : {key_segment(0, draw()), key_segment(1, draw())}) {
    ended.insert(put(name, bytes));
  }
  // An attempt that may yet be committed; a running backup's; what cannot be told; what is named.
  put(epoch_name(2, draw(), slot), {1});
  put(epoch_name(7, state.epoch, slot), {1});
  put(concat("epochs/1-", hex(draw()), "/notes"), {1});
  for (const auto& [name, bytes] : {key_segment(2, draw()), key_segment(1, state.epoch)}) {
    put(name, bytes);
  }
  put(concat("keys/", std::string(64, 'a')), {1, 2, 3});
  const std::string named = key_segment_name(state.key_segments.all().begin()->first);
  Bytes damaged = roles.store->objects().at(named);
  damaged[12] = 0;  // the header's epoch: as if it were of the one before
  roles.store->overwrite(named, damaged);
  const auto before = all_names(*roles.store);
  const std::vector<std::string> found = find_ended_objects(owner);
  REQUIRE(std::set<std::string>(found.begin(), found.end()) == ended);
  REQUIRE(remove_ended_objects(owner) == ended.size());
  auto after = all_names(*roles.store);
  after.merge(ended);
  REQUIRE(after == before);
  require_restored(roles.owner, owner, roles, roles.first);
}

TEST_CASE("in the first epoch nothing has ended, whatever stands in the folders of epochs") {
  World world;
  const auto draw = [&] { return world.machine.random.draw_id<EpochId>(); };
  world.store->put(epoch_name(0, draw(), world.repository.keyring().slot()), Bytes{1});
  REQUIRE(find_ended_objects(world.repository).empty());
  REQUIRE(remove_ended_objects(world.repository) == 0);
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
  roles.store->put(epoch_name(0, roles.content.draw_id<EpochId>(), SlotId{}), Bytes{1});
  const auto store = std::make_shared<Unconfirmed>(*roles.store);
  Machine machine(store, 6);
  Repository repository = machine.open();
  store->is_failing = true;
  REQUIRE(error_code([&] { remove_ended_objects(repository); }) == Code::failed);
  REQUIRE(find_ended_objects(repository).size() == 1);
  store->is_failing = false;
  REQUIRE(remove_ended_objects(repository) == 1);
}
