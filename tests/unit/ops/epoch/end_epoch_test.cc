// Who ends an epoch, and what keeps it from ending: objects that the stay of others' snapshots
// hangs on, and no others.
#include "engine/ops/epoch/end_epoch.h"

#include "engine/blocks/block_reader.h"
#include "engine/blocks/snapshot_opener.h"
#include "engine/format/names.h"
#include "engine/repository/ended_objects.h"
#include "engine/store/twins.h"
#include "tests/support/attacker.h"
#include "tests/support/roles.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

// A writer's snapshot beside the owner's, and the one key segment that it needs.
struct WithWriter {
  WithWriter() {
    roles.write_news(100'000);
    Repository writer = roles.open();
    snapshot = roles.backup(writer, "laptop").snapshot;
    owner.journal().replay();
  }

  [[nodiscard]] std::string key_segment() const {
    return key_segment_path(owner.state().snapshots.at(snapshot).taken.key_segments.front());
  }

  void lose(const std::string& name) {
    for (const std::string& copy : copies_of(name)) {
      roles.store->remove(copy);
    }
  }

  Roles roles{writer_capabilities};
  Repository& owner = roles.owner_repository;
  SnapshotId snapshot;
};

}  // namespace

TEST_CASE("an operator rotates, an owner revokes, nobody else does either") {
  Roles roles(operator_capabilities);
  Repository repository = roles.open();
  const SlotId owner = slot_called(repository.state(), "owner");
  REQUIRE(end_epoch(repository, {}).epoch_number == 1);
  REQUIRE(error_code([&] { end_epoch(repository, {.revoked = {owner}}); }) == Code::refused);
  REQUIRE(error_code([&] { end_epoch(roles.owner_repository, {.revoked = {owner}}); }) ==
          Code::invalid);
  revoke(roles);
  REQUIRE(error_code([&] { revoke(roles); }) == Code::invalid);
  Roles others(writer_capabilities | can_read | can_audit);
  Repository weaker = others.open();
  REQUIRE(error_code([&] { end_epoch(weaker, {}); }) == Code::refused);
  REQUIRE(error_code([&] { remove_ended_objects(weaker); }) == Code::refused);
}

TEST_CASE("a damaged key segment keeps an epoch from ending, unless it is given up") {
  Roles roles(writer_capabilities);
  Repository writer = roles.open();
  const SnapshotId second = roles.backup(writer, "laptop").snapshot;
  roles.owner_repository.journal().replay();
  const SnapshotState& hurt = roles.owner_repository.state().snapshots.at(second);
  const std::string name = key_segment_path(hurt.taken.key_segments.front());
  const Bytes whole = roles.store->objects().at(name);
  for (const std::string& copy : {name, second_copy_path(name)}) {
    Bytes damaged = whole;
    damaged[damaged.size() / 2] ^= 1;
    roles.store->overwrite(copy, damaged);
  }
  const auto before = names_of(*roles.store, "keys/");
  REQUIRE(error_code([&] { rotate(roles); }) == Code::corrupt);
  REQUIRE(roles.owner_repository.state().epoch_number == 0);
  REQUIRE(names_of(*roles.store, "keys/") == before);
  if (GENERATE(true, false)) {
    // One good copy is enough, even for an index that was loaded while there was none.
    roles.store->overwrite(second_copy_path(name), whole);
    REQUIRE(rotate(roles).dropped.empty());
    REQUIRE_NOTHROW(get_reference_set(roles.owner_repository.journal(),
                                      roles.owner_repository.state().snapshots.at(second)));
    return;
  }
  // Given up, it takes with it what it opened, and nothing else.
  REQUIRE(end_epoch(roles.owner_repository, {.drops_unreadable = true}).dropped.size() == 1);
  require_restored(roles.owner, roles.owner_repository, roles, roles.first);
}

TEST_CASE("nothing is given up unasked that is lost while an epoch ends") {
  // Loses both copies of a key segment when it is read for the n-th time.
  class Losing final : public ForwardingStore {
   public:
    Losing(MemoryStore& store, std::string name, int after)
        : ForwardingStore(store), store_(store), name_(std::move(name)), left_(after) {}

    std::size_t get_range(const std::string& name, std::uint64_t offset, MutableView out) override {
      if (name == name_ && left_-- == 0) {
        store_.remove(name_);
        store_.remove(second_copy_path(name_));
      }
      return ForwardingStore::get_range(name, offset, out);
    }

    [[nodiscard]] bool has_lost() const { return left_ < 0; }

   private:
    MemoryStore& store_;
    std::string name_;
    int left_;
  };

  int lost = 0;
  for (int after = 0;; ++after) {
    Roles roles(writer_capabilities);
    const SnapshotState& first = roles.owner_repository.state().snapshots.at(roles.first);
    const auto losing = std::make_shared<Losing>(
        *roles.store, key_segment_path(first.taken.key_segments.front()), after);
    Machine machine(losing, 6);
    Repository repository = machine.open();
    std::size_t dropped = 0;
    try {
      dropped = end_epoch(repository, {}).dropped.size();
    } catch (const Error& error) {
      REQUIRE(error.code() == Code::corrupt);
      ++lost;
    }
    REQUIRE(dropped == 0);
    if (!losing->has_lost()) break;
  }
  REQUIRE(lost >= 2);
}

TEST_CASE("an epoch ends while an index segment is out of reach, and no key of its entry is lost") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  const SnapshotTaken& taken = roles.owner_repository.state().snapshots.at(roles.first).taken;
  const std::string name = index_segment_path(taken.segments.front().index_segment);
  claim_packs(evil, roles.other.random, pack_names(*roles.store));
  const auto away = take_away(*roles.store, name);
  Machine late(roles.store, 8);  // for it the later claim is the first
  Repository repository = late.open();
  end_epoch(repository, {});
  put_back(*roles.store, away);
  Machine fresh(roles.store, 9);
  Repository there = fresh.open();
  require_restored(fresh, there, roles, roles.first);
  end_epoch(repository, {});
  require_restored(late, repository, roles, roles.first);
}

TEST_CASE("a key segment that only a slot being revoked needs does not keep an epoch from ending") {
  WithWriter run;
  run.lose(run.key_segment());
  REQUIRE(error_code([&] { rotate(run.roles); }) == Code::corrupt);
  REQUIRE(revoke(run.roles).dropped.size() == 1);
  require_restored(run.roles.owner, run.owner, run.roles, run.roles.first);
}

TEST_CASE("a damaged pack, body or reference set does not keep an epoch from ending") {
  WithWriter run;
  const std::string folder = GENERATE("packs/", "bodies/", "refs/");
  for (const std::string& name : names_of(*run.roles.store, folder)) {
    flip_bit(*run.roles.store, name);
  }
  REQUIRE(rotate(run.roles).dropped.empty());
  REQUIRE(run.owner.state().epoch_number == 1);
}

TEST_CASE("giving up what is damaged takes an owner") {
  Roles roles(operator_capabilities);
  Repository repository = roles.open();
  REQUIRE(error_code([&] { end_epoch(repository, {.drops_unreadable = true}); }) == Code::refused);
  REQUIRE(repository.state().epoch_number == 0);
}

TEST_CASE("a slot that does not exist is not revoked, and the epoch goes on") {
  Roles roles(writer_capabilities);
  const EndEpochOptions options{.revoked = {roles.content.draw_id<SlotId>()}};
  REQUIRE(error_code([&] { end_epoch(roles.owner_repository, options); }) == Code::invalid);
  REQUIRE(roles.owner_repository.state().epoch_number == 0);
  REQUIRE(names_of(*roles.store, "epochs/1-").empty());
}

TEST_CASE("a store that does not give back what was put keeps an epoch from ending") {
  // Spoils every box that is put, in the copy that is read first or second.
  class Spoiling final : public ForwardingStore {
   public:
    Spoiling(Store& store, bool spoils_twin) : ForwardingStore(store), spoils_twin_(spoils_twin) {}

    void put(const std::string& name, View bytes) override {
      Bytes spoilt(bytes.begin(), bytes.end());
      const bool is_twin = first_copy_path(name) != name;
      if (name.starts_with("epochs/") && is_twin == spoils_twin_) spoilt.back() ^= 1;
      ForwardingStore::put(name, spoilt);
    }

   private:
    bool spoils_twin_;
  };

  WithWriter run;
  Machine machine(std::make_shared<Spoiling>(*run.roles.store, GENERATE(true, false)), 6);
  Repository repository = machine.open();
  REQUIRE(error_code([&] { end_epoch(repository, {}); }) == Code::corrupt);
  REQUIRE(repository.state().epoch_number == 0);
  run.owner.journal().replay();
  REQUIRE(run.owner.state().epoch_number == 0);
  require_restored(run.roles.owner, run.owner, run.roles, run.roles.first);
}
