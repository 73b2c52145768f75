// In which order slot objects are tried: what others plant comes behind what is genuine.
#include "engine/keys/slot_search.h"

#include "tests/unit/keys/slots_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

// "1/1 2/3": slot and generation of each object, in order.
std::string order_of(Slots& slots,
                     SlotKind kind = SlotKind::passphrase,
                     const SlotChoice& choice = {}) {
  DamagedSlots damaged;
  std::string out;
  for (const SlotToTry& slot :
       slots_to_try(slots.store, keys_repository(), kind, choice, damaged)) {
    out += concat(out.empty() ? "" : " ", slot.path.slot.bytes.front(), "/", slot.path.generation);
  }
  return out;
}

constexpr Argon2Cost dear{3, 128U << 10U};

}  // namespace

TEST_CASE("slots that ask for little come before those that ask for much, then by id") {
  Slots slots;
  slots.plant(NumberedSlot(1), dear);
  slots.plant(NumberedSlot(3), argon2_floor);
  slots.plant(NumberedSlot(2), argon2_floor);
  REQUIRE(order_of(slots) == "2/1 3/1 1/1");
}

TEST_CASE("the slot that the journal begins with comes first, by the key that signed the entry") {
  Slots slots;
  slots.begin_journal(NumberedSlot(9));
  slots.plant(NumberedSlot(1), argon2_floor);
  slots.plant(NumberedSlot(9), dear);
  REQUIRE(order_of(slots) == "9/1 1/1");
  // Whoever says that it is that slot, with a key of its own, is not believed.
  for (std::uint32_t generation = 2; generation < 9; ++generation) {
    slots.plant_as(NumberedSlot(9), NumberedSlot(5), generation);
  }
  REQUIRE(order_of(slots).starts_with("9/1 1/1 9/8"));
  slots.plant(NumberedSlot(9), dear, 9);  // its own newest
  REQUIRE(order_of(slots).starts_with("9/9 9/1 1/1"));
}

TEST_CASE("of one slot, objects of another key come behind those that were there before them") {
  Slots slots;
  slots.plant(NumberedSlot(4), dear, 2);
  slots.plant(NumberedSlot(4), dear, 3);
  for (const std::uint32_t generation : {5U, 6U}) {
    slots.plant_as(NumberedSlot(4), NumberedSlot(8), generation);
  }
  const SlotChoice only{.preferred = {}, .only = sample_id<SlotId>(4), .except = {}};
  REQUIRE(order_of(slots, SlotKind::passphrase, only) == "4/3 4/2 4/6 4/5");
  slots.plant_as(NumberedSlot(4), NumberedSlot(8), 1);  // a number that had become free
  REQUIRE(order_of(slots, SlotKind::passphrase, only) == "4/6 4/5 4/1 4/3 4/2");
  SlotChoice one = only;
  one.generation = 3;
  REQUIRE(order_of(slots, SlotKind::passphrase, one) == "4/3");
}

TEST_CASE("no slots are tried but those that are named, where some are") {
  Slots slots;
  for (const std::uint8_t id : {std::uint8_t{1}, std::uint8_t{2}, std::uint8_t{3}}) {
    slots.plant(NumberedSlot(id), argon2_floor);
  }
  SlotChoice choice;
  choice.among = {{sample_id<SlotId>(1), 0}, {sample_id<SlotId>(3), 0}};
  REQUIRE(order_of(slots, SlotKind::passphrase, choice) == "1/1 3/1");
}

TEST_CASE("the slots of key files are listed, not read") {
  Slots slots;
  slots.put(NumberedSlot(2), key_file_of(7));
  slots.put(NumberedSlot(1), key_file_of(7), 1);
  slots.put(NumberedSlot(1), key_file_of(7), 2);
  REQUIRE(order_of(slots, SlotKind::key_file) == "1/2 1/1 2/1");
  REQUIRE(slots.store.get_count("slots/") == 0);
  REQUIRE(order_of(slots).empty());
}

TEST_CASE("objects that are damaged in both copies are counted, and the first is named") {
  Slots slots;
  slots.plant(NumberedSlot(1), argon2_floor);
  slots.plant(NumberedSlot(2), {.passes = 17, .memory_kib = argon2_floor.memory_kib});
  slots.plant(NumberedSlot(3), argon2_floor);
  slots.damage(NumberedSlot(1));
  DamagedSlots damaged;
  const auto found =
      slots_to_try(slots.store, keys_repository(), SlotKind::passphrase, {}, damaged);
  REQUIRE(found.size() == 1);
  REQUIRE(damaged.count == 2);
  REQUIRE(damaged.first->text().starts_with(slot_path(sample_id<SlotId>(1), 1)));
}
