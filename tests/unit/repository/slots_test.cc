// Slots as they come into the journal, and a slot's secret as it is replaced.
#include "engine/repository/slots.h"

#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "tests/support/forwarding_store.h"
#include "tests/support/roles.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a second slot opens the repository and reads what the first has stored") {
  World world;
  write_file(world.tree("file"), Bytes(5000, 1));
  Repository& repository = world.repository;
  const BackupResult result = world.backup();
  add_slot(repository, Machine::credential(9), argon2_floor, "second");
  Machine other(world.store, 2);
  Repository second = other.open(9);
  other.restore(second, result.snapshot, world.tree(), world.out());
  REQUIRE(world.differences().empty());
}

TEST_CASE("after passwd the new secret opens the slot and the old one does not") {
  World world;
  Repository& repository = world.repository;
  const auto before = world.store->objects();
  rewrap_slot(repository, Machine::credential(9), argon2_floor);
  REQUIRE(error_code([&] { world.machine.open(); }) == Code::wrong_secret);
  REQUIRE_NOTHROW(world.machine.open(9));
  // Putting the old slot object back does not bring the old secret back.
  for (const auto& [name, bytes] : before) {
    if (name.starts_with("slots/")) world.store->overwrite(name, bytes);
  }
  REQUIRE(error_code([&] { world.machine.open(); }) == Code::wrong_secret);
  REQUIRE_NOTHROW(world.machine.open(9));
}

TEST_CASE("names that somebody has planted do not use up the generations of a slot") {
  World world;
  Repository& repository = world.repository;
  const SlotId slot = repository.keyring().slot();
  for (const std::uint32_t planted : {UINT32_MAX, UINT32_MAX - 1, 5'000U, 1'001U, 1'002U}) {
    world.store->put(slot_path(slot, planted), Bytes(100));
  }
  rewrap_slot(repository, Machine::credential(9), argon2_floor);
  REQUIRE(repository.state().slots.at(slot).generation == 1'003);
  rewrap_slot(repository, Machine::credential(10), argon2_floor);
  REQUIRE(repository.state().slots.at(slot).generation == 1'004);
  REQUIRE_NOTHROW(world.machine.open(10));
}

TEST_CASE("one secret opens one slot: what opens another already is refused as a new one") {
  Roles roles(writer_capabilities);
  REQUIRE(error_code([&] {
            add_slot(roles.owner_repository, Machine::credential(9), argon2_floor, "again");
          }) == Code::refused);
  REQUIRE(error_code([&] {
            rewrap_slot(roles.owner_repository, Machine::credential(9), argon2_floor);
          }) == Code::refused);
  REQUIRE(roles.open().capabilities() == writer_capabilities);
  REQUIRE_NOTHROW(rewrap_slot(roles.owner_repository, Machine::credential(7), argon2_floor));
}

TEST_CASE("what a key add that was cut off has left does not stand in the way of the same key") {
  for (std::uint64_t turn = 0; turn < 8; ++turn) {  // the leftover's id comes before or after
    auto store = std::make_shared<MemoryStore>();
    Machine owner(store, 100 + turn);
    Repository repository = owner.init();
    // Elsewhere the same is done up to the entry.
    auto ahead = std::make_shared<MemoryStore>();
    for (const auto& [name, bytes] : store->objects()) {
      ahead->put(name, bytes);
    }
    Machine cut_off(ahead, 200 + turn);
    Repository there = cut_off.open();
    add_slot(there, Machine::credential(9), argon2_floor, "laptop", writer_capabilities);
    for (const auto& [name, bytes] : ahead->objects()) {
      if (!name.starts_with("journal/")) store->put(name, bytes);
    }
    Machine laptop(store, 300 + turn);
    REQUIRE(error_code([&] { laptop.open(9); }) == Code::wrong_secret);
    const SlotId slot =
        add_slot(repository, Machine::credential(9), argon2_floor, "laptop", writer_capabilities);
    REQUIRE(laptop.open(9).keyring().slot() == slot);
  }
}

TEST_CASE("the objects of a slot's former secrets go once the journal knows the new one") {
  World world;
  const SlotId slot = world.repository.keyring().slot();
  rewrap_slot(world.repository, Machine::credential(9), argon2_floor);
  const std::string name = slot_path(slot, 2);
  REQUIRE(names_of(*world.store, "slots/") ==
          std::vector<std::string>{name, second_copy_path(name)});
}

TEST_CASE("of two secrets that a slot is given at once, the first stays and the second is told") {
  // Gives the slot its secret elsewhere, right before the object of the later one is put.
  class Beaten final : public ForwardingStore {
   public:
    Beaten(Store& store, Repository& first) : ForwardingStore(store), first_(&first) {}

    bool put_if_absent(const std::string& name, View bytes) override {
      if (name.starts_with("slots/") && first_ != nullptr) {
        rewrap_slot(*std::exchange(first_, nullptr), Machine::credential(9), argon2_floor);
      }
      return ForwardingStore::put_if_absent(name, bytes);
    }

   private:
    Repository* first_;
  };

  World world;
  Machine late(std::make_shared<Beaten>(*world.store, world.repository), 3);
  Repository repository = late.open();
  REQUIRE(error_code([&] { rewrap_slot(repository, Machine::credential(10), argon2_floor); }) ==
          Code::conflict);
  REQUIRE_NOTHROW(world.machine.open(9));
  REQUIRE(error_code([&] { world.machine.open(10); }) == Code::wrong_secret);
}

TEST_CASE("a recovery sheet opens like a key file, and the journal says what it is") {
  World world;
  const SlotId slot =
      add_recovery_sheet(world.repository, Machine::credential(9), "paper", reader_capabilities);
  REQUIRE(world.repository.state().slots.at(slot).kind == SlotKind::recovery_sheet);
  Machine other(world.store, 2);
  REQUIRE(other.open(9).keyring().slot() == slot);
}

TEST_CASE("a recipient's key that is none, or that the journal has, is refused and not stored") {
  World world;
  const SlotPublicKeys known = recipient_of(Machine::credential(9));
  add_recipient(world.repository, known, "one", reader_capabilities);
  const auto before = world.store->objects_without_probes();
  REQUIRE(error_code([&] { add_recipient(world.repository, {}, "none", reader_capabilities); }) ==
          Code::invalid);
  REQUIRE(error_code([&] { add_recipient(world.repository, known, "two", can_read); }) ==
          Code::refused);
  REQUIRE(error_code([&] {
            add_slot(world.repository, Machine::credential(9), argon2_floor, "three");
          }) == Code::refused);
  REQUIRE((world.store->objects_without_probes() == before));
}

TEST_CASE("a source is bound to a slot that writes and to no second one") {
  World world;
  Repository& repository = world.repository;
  const auto add = [&](std::uint8_t fill, const std::vector<std::string>& sources,
                       Capabilities capabilities = writer_capabilities) {
    return error_code([&] {
      add_slot(repository, Machine::credential(fill), argon2_floor,
               {"desk", capabilities, sources});
    });
  };
  const auto before = world.store->objects();
  REQUIRE(add(9, {"desk"}, reader_capabilities) == Code::invalid);
  REQUIRE(add(9, {""}) == Code::invalid);
  REQUIRE(add(9, {std::string(text_bytes_max + 1, 'x')}) == Code::invalid);
  world.backup();
  REQUIRE(add(9, {"test"}) == Code::refused);
  for (const std::string folder : {"slots/", "grants/", "epochs/"}) {  // nothing was put for it
    for (const std::string& name : names_of(*world.store, folder)) {
      REQUIRE(before.contains(name));
    }
  }
  add_slot(repository, Machine::credential(9), argon2_floor,
           {"desk", writer_capabilities, {"desk", "desk"}});
  REQUIRE(repository.state().sources.at("desk").slot == slot_called(repository.state(), "desk"));
  REQUIRE(add(10, {"desk"}) == Code::refused);
  // A slot that was revoked holds no name.
  end_epoch(repository, {.revoked = {slot_called(repository.state(), "desk")}});
  add_slot(repository, Machine::credential(11), argon2_floor,
           {"new desk", writer_capabilities, {"desk"}});
  REQUIRE(repository.state().sources.at("desk").slot ==
          slot_called(repository.state(), "new desk"));
}
