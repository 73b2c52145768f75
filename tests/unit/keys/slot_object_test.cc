// Slot objects, the way in: which are tried, in which order, at what cost, and what is said when
// none opens.
#include "engine/keys/slot_object.h"

#include <fstream>

#include <sys/resource.h>
#include <unistd.h>

#include "engine/format/slot.h"
#include "tests/unit/keys/slots_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

// No more memory than the process has now and 512 MiB: a slot of 4 GiB that is tried fails.
class LittleMemory {
 public:
  LittleMemory() {
    std::uint64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    REQUIRE(::getrlimit(RLIMIT_AS, &before_) == 0);
    rlimit limit = before_;
    limit.rlim_cur = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) + (512U << 20U);
    REQUIRE(::setrlimit(RLIMIT_AS, &limit) == 0);
  }

  LittleMemory(const LittleMemory&) = delete;
  LittleMemory& operator=(const LittleMemory&) = delete;
  LittleMemory(LittleMemory&&) = delete;
  LittleMemory& operator=(LittleMemory&&) = delete;

  ~LittleMemory() { ::setrlimit(RLIMIT_AS, &before_); }

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("a slot opens with its credential, and says what repository it is of") {
  Slots slots;
  const NumberedSlot slot(1);
  slots.put(slot, key_file_of(7));
  slots.put(NumberedSlot(2), passphrase_of("open sesame"));
  const OpenedSlot opened = slots.open(key_file_of(7));
  REQUIRE(opened.slot == slot.id);
  REQUIRE(opened.generation == 1);
  REQUIRE(opened.fingerprint == slots.fingerprint);
  REQUIRE(equal(opened.seed.view(), slot.keys.seed.view()));
  REQUIRE(slots.open(passphrase_of("open sesame")).slot == sample_id<SlotId>(2));
}

TEST_CASE("a secret that opens nothing is wrong, and no intact copy is read twice for it") {
  Slots slots;
  const NumberedSlot slot(1);
  slots.put(slot, key_file_of(7));
  REQUIRE(slots.open_code(key_file_of(8)) == Code::wrong_secret);
  REQUIRE(slots.store.get_count("slots/") == 1);
  REQUIRE(Slots().open_code(key_file_of(7)) == Code::wrong_secret);
}

TEST_CASE("a credential is tried on slots of its own kind alone") {
  Slots slots;
  slots.plant(NumberedSlot(1), {.passes = 2, .memory_kib = argon2_floor.memory_kib});
  REQUIRE(slots.open_code(key_file_of(7)) == Code::wrong_secret);
}

TEST_CASE("damage to what might have opened is told, not a wrong secret") {
  Slots slots;
  slots.put(NumberedSlot(1), key_file_of(7));
  slots.damage(NumberedSlot(1));
  REQUIRE(slots.open_code(key_file_of(7)) == Code::corrupt);
  REQUIRE(slots.open_code(key_file_of(8)) == Code::corrupt);
}

TEST_CASE("a damaged slot hinders no other from opening") {
  Slots slots;
  slots.put(NumberedSlot(1), key_file_of(7));
  slots.damage(NumberedSlot(1));
  slots.put(NumberedSlot(2), key_file_of(7));
  REQUIRE(slots.open(key_file_of(7)).slot == sample_id<SlotId>(2));
}

TEST_CASE("one good copy of a slot object opens, whichever it is") {
  for (const std::size_t good : {0U, 1U}) {
    Slots slots;
    slots.put(NumberedSlot(1), key_file_of(7));
    const auto copies = copies_of(slot_path(sample_id<SlotId>(1), 1));
    flip_stored_bit(slots.store, copies.at(1 - good), 220);
    REQUIRE(slots.open(key_file_of(7)).slot == sample_id<SlotId>(1));
    slots.store.remove(copies.at(1 - good));
    REQUIRE(slots.open(key_file_of(7)).slot == sample_id<SlotId>(1));
  }
}

TEST_CASE("the preferred slot is tried first, then the others in the order of their ids") {
  Slots slots;
  for (const std::uint8_t fill : {std::uint8_t{3}, std::uint8_t{1}, std::uint8_t{2}}) {
    slots.put(NumberedSlot(fill), key_file_of(7));
  }
  const auto last = sample_id<SlotId>(3);
  REQUIRE(slots.open(key_file_of(7)).slot == sample_id<SlotId>(1));
  REQUIRE(slots.open(key_file_of(7), {.preferred = last, .only = {}, .except = {}}).slot == last);
  const auto absent = sample_id<SlotId>(9);
  REQUIRE(slots.open(key_file_of(7), {.preferred = absent, .only = {}, .except = {}}).slot ==
          sample_id<SlotId>(1));
}

TEST_CASE("no slot is tried but the one that is meant, and none that is excepted") {
  Slots slots;
  for (const std::uint8_t fill : {std::uint8_t{1}, std::uint8_t{2}}) {
    slots.put(NumberedSlot(fill), key_file_of(7));
  }
  const auto first = sample_id<SlotId>(1);
  const auto second = sample_id<SlotId>(2);
  const auto absent = sample_id<SlotId>(9);
  const Credential key = key_file_of(7);
  REQUIRE(slots.open(key, {.preferred = {}, .only = second, .except = {}}).slot == second);
  REQUIRE(slots.open(key, {.preferred = {}, .only = {}, .except = {first}}).slot == second);
  REQUIRE(slots.open_code(key, {.preferred = {}, .only = absent, .except = {}}) ==
          Code::wrong_secret);
  REQUIRE(slots.open_code(key, {.preferred = {}, .only = {}, .except = {first, second}}) ==
          Code::wrong_secret);
}

TEST_CASE("of a slot's generations the newest is tried first") {
  Slots slots;
  slots.put(NumberedSlot(1), key_file_of(7), 1);
  slots.put(NumberedSlot(1), key_file_of(7), 2);
  slots.put(NumberedSlot(1), key_file_of(8), 3);
  REQUIRE(slots.open(key_file_of(7)).generation == 2);
  REQUIRE(slots.open(key_file_of(8)).generation == 3);
}

TEST_CASE("an object that is not the slot's own is damage") {
  Slots slots;
  slots.put(NumberedSlot(1), key_file_of(7));
  slots.put(NumberedSlot(2), key_file_of(8));
  const std::string first = slot_path(sample_id<SlotId>(1), 1);
  const std::string second = slot_path(sample_id<SlotId>(2), 1);
  const auto objects = slots.store.objects();
  const auto code_with = [&](const std::string& path, const Bytes& bytes) {
    Slots other;
    put_twinned(other.store, path, bytes);
    return other.open_code(key_file_of(7));
  };
  REQUIRE(code_with(second, objects.at(first)) == Code::corrupt);  // another slot's
  REQUIRE(code_with(slot_path(sample_id<SlotId>(1), 2), objects.at(first)) == Code::corrupt);
  Bytes unsigned_bytes = objects.at(first);
  unsigned_bytes.back() ^= 1U;
  REQUIRE(code_with(first, unsigned_bytes) == Code::corrupt);
  REQUIRE(code_with(first, Bytes(slot_object_bytes_max + 1)) == Code::corrupt);
}

TEST_CASE("what has no slot's name is not read") {
  Slots slots;
  slots.put(NumberedSlot(1), key_file_of(7));
  slots.store.put("slots/leftover.0123456789abcdef.new", Bytes(10));
  REQUIRE(slots.open_code(key_file_of(8)) == Code::wrong_secret);
  REQUIRE(slots.store.get_count("slots/leftover") == 0);
}

TEST_CASE("a slot that asks for a cost out of bounds is damage, and is not tried") {
  const LittleMemory limit;
  for (const Argon2Cost cost : {Argon2Cost{2, 64U << 10U}, Argon2Cost{17, 64U << 10U},
                                Argon2Cost{3, (4U << 20U) + 1}, Argon2Cost{3, 1024}}) {
    Slots slots;
    slots.plant(NumberedSlot(1), cost);
    REQUIRE(slots.open_code(passphrase_of("open sesame")) == Code::corrupt);
  }
}

TEST_CASE("planted slots together ask for no more work than 64 slots of default cost") {
  const LittleMemory limit;
  constexpr Argon2Cost all_work{3, 4U << 20U};
  constexpr Argon2Cost more_work{4, 4U << 20U};
  const Credential wrong = passphrase_of("open sesame");
  Slots alone;
  alone.plant(NumberedSlot(2), all_work);
  REQUIRE(alone.open_code(wrong) == Code::failed);  // it was tried, and there was no memory
  Slots after_another;
  after_another.plant(NumberedSlot(2), all_work);
  after_another.plant(NumberedSlot(1), argon2_floor);
  REQUIRE(after_another.open_code(wrong) == Code::refused);  // it was not
  Slots too_much;
  too_much.plant(NumberedSlot(1), more_work);
  too_much.put(NumberedSlot(2), wrong);
  REQUIRE(too_much.open(wrong).slot == sample_id<SlotId>(2));
}

TEST_CASE("a secret is not called wrong where slots were not tried, and it is said how to go on") {
  const LittleMemory limit;  // nothing of 4 GiB is ever computed
  Slots slots;
  slots.plant(NumberedSlot(1), argon2_floor);
  slots.plant(NumberedSlot(2), {4, 4U << 20U});
  slots.plant(NumberedSlot(3), {4, 4U << 20U});
  const Credential wrong = passphrase_of("open sesame");
  const auto text_with = [&](const SlotChoice& choice) {
    std::string text;
    try {
      slots.open(wrong, choice);
    } catch (const Error& error) {
      REQUIRE(error.code() == Code::refused);
      text = error.text();
    }
    return text;
  };
  const std::string text = text_with({});
  INFO(text);
  REQUIRE(text.find("wrong") == std::string::npos);
  REQUIRE(text.find("2 of 3 objects") != std::string::npos);
  REQUIRE(text.find(slot_path(sample_id<SlotId>(2), 1)) != std::string::npos);
  REQUIRE(text.find("--slot ID") != std::string::npos);
  // The same for many objects of the slot that was named.
  slots.plant(NumberedSlot(2), argon2_floor, 2);
  slots.plant(NumberedSlot(2), {4, 4U << 20U}, 3);
  REQUIRE(text_with({.preferred = {}, .only = sample_id<SlotId>(2), .except = {}})
              .find("--slot ID-NUMBER") != std::string::npos);
}

TEST_CASE("the slot that is named opens, however many are planted, and whatever it asks for") {
  const LittleMemory limit;
  Slots slots;
  const Credential password = passphrase_of("open sesame");
  slots.put(NumberedSlot(9), password);
  for (std::uint8_t id = 1; id < 9; ++id) {
    slots.plant(NumberedSlot(id), argon2_floor);
    slots.plant_as(NumberedSlot(9), NumberedSlot(id), id + 1U);
  }
  SlotChoice choice{.preferred = {}, .only = sample_id<SlotId>(9), .except = {}};
  REQUIRE(slots.open(password, choice).generation == 1);
  REQUIRE(slots.open(password).generation == 1);
  // An object that asks for all that may be asked for is tried where it is the first.
  slots.plant(NumberedSlot(10), argon2_ceiling);
  choice.only = sample_id<SlotId>(10);
  REQUIRE(slots.open_code(password, choice) == Code::failed);
}

TEST_CASE("planted slots keep no slot from opening that this machine has used before") {
  const LittleMemory limit;
  Slots slots;
  slots.plant(NumberedSlot(1), {3, 4U << 20U});
  slots.put(NumberedSlot(2), passphrase_of("open sesame"));
  const SlotChoice choice{.preferred = sample_id<SlotId>(2), .only = {}, .except = {}};
  REQUIRE(slots.open(passphrase_of("open sesame"), choice).slot == sample_id<SlotId>(2));
}
