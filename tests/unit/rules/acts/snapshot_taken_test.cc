// The rules of a snapshot's entry.
#include <algorithm>
#include <set>

#include "engine/rules/policy.h"
#include "tests/unit/rules/rules_fixture.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a snapshot with another retention than its policy's is void") {
  const State state = small_state();
  SnapshotTaken longer = snapshot(1);
  longer.minimum_seconds = 100ULL * 365 * 86400;
  require_void(state, next_entry(state, writer, longer),
               {23, "a retention that is not the policy's"});
  SnapshotTaken locked = snapshot(1);
  locked.lock = LockMode::compliance;
  require_void(state, next_entry(state, writer, locked),
               {23, "a retention that is not the policy's"});
  SnapshotTaken unknown = snapshot(1);
  unknown.policy = "mine";
  require_void(state, next_entry(state, writer, unknown),
               {22, "a policy that is not its source's"});
}

TEST_CASE("a source belongs to the slot that used it first") {
  State state = small_state();
  commit(state, next_entry(state, writer, snapshot(1, "laptop")));
  require_void(state, next_entry(state, owner, snapshot(2, "laptop")),
               {24, "a source that belongs to another slot"});
  REQUIRE_FALSE(validate(state, next_entry(state, owner, snapshot(2, "server"))));
  REQUIRE_FALSE(validate(state, next_entry(state, writer, snapshot(2, "laptop"))));
}

TEST_CASE("block numbers follow one another and are never given twice") {
  State state = small_state();
  commit(state, next_entry(state, writer, storing(1, 100, 5)));
  REQUIRE(state.next_number == 192);
  JournalEntry overlapping = next_entry(state, writer, storing(2, 5));
  for (const std::uint64_t first : {0U, 105U, 191U, 193U, 256U}) {
    std::get<SnapshotTaken>(overlapping.act).numbers.first_number = first;
    require_void(state, overlapping, {31, "block numbers that do not follow"});
  }
  // So it is where there is nothing to number.
  JournalEntry nothing = next_entry(state, writer, snapshot(2));
  REQUIRE_FALSE(validate(state, nothing));
  std::get<SnapshotTaken>(nothing.act).numbers.first_number = 0;
  require_void(state, nothing, {31, "block numbers that do not follow"});
  SnapshotTaken again = storing(2, 5);
  again.segments.front().index_segment = sample_id<ObjectHash>(10);
  require_void(state, next_entry(state, writer, again), {32, "a segment that exists already"});
  SnapshotTaken twice = storing(2, 5);
  twice.segments.push_back(twice.segments.front());
  require_void(state, next_entry(state, writer, twice), {29, "the same segment twice"});
}

TEST_CASE("numbers are reserved in steps that tell little of how many blocks there are") {
  REQUIRE(reserved_count(0) == 0);
  REQUIRE(reserved_count(1) == 64);
  REQUIRE(reserved_count(30) == 64);
  REQUIRE(reserved_count(64) == 64);
  REQUIRE(reserved_count(65) == 128);
  REQUIRE(reserved_count(1'025) == 1'088);
  REQUIRE(reserved_count(100'000) == 100'352);
  std::set<std::uint64_t> steps;
  for (std::uint64_t count = 1; count < 300'000; count += count < 3'000 ? 1 : 61) {
    const std::uint64_t reserved = reserved_count(count);
    CAPTURE(count, reserved);
    REQUIRE(reserved >= count);
    REQUIRE(reserved % 64 == 0);
    REQUIRE(reserved_count(reserved) == reserved);
    REQUIRE(reserved - count < std::max<std::uint64_t>(64, count / 8));
    steps.insert(reserved);
  }
  REQUIRE(steps.size() < 200);
}

TEST_CASE("an entry reserves what may be reserved, and for a stream that it lists only") {
  const State state = small_state();
  const auto reserves = [&](std::uint32_t data, std::uint32_t meta, SnapshotTaken taken) {
    taken.numbers = {.first_number = 0, .data = data, .meta = meta};
    require_void(state, next_entry(state, writer, taken),
                 {30, "a count of numbers that may not be reserved"});
  };
  reserves(63, 0, storing(1, 1));
  reserves(100'000, 0, storing(1, 1));  // a multiple of 64 is not enough there: 100,352 is a size
  reserves(100'032, 0, storing(1, 1));
  reserves(64, 1, storing(1, 1, 1));
  reserves(64, 64, storing(1, 1));
  reserves(0, 64, storing(1, 1));
  reserves(64, 0, storing(1, 1, 1));
  reserves(64, 0, snapshot(1));
}

TEST_CASE("what an entry may introduce is bounded") {
  const State state = small_state();
  SnapshotTaken many = snapshot(1);
  many.numbers = reserve(0, 1);
  for (std::uint32_t i = 0; i < entry_segments_max; ++i) {
    auto name = sample_id<ObjectHash>(10);
    name.bytes[0] = static_cast<std::uint8_t>(i);
    name.bytes[1] = static_cast<std::uint8_t>(i >> 8U);
    many.segments.push_back({name, PackKind::data});
  }
  REQUIRE_FALSE(validate(state, next_entry(state, writer, many)));
  many.segments.push_back({sample_id<ObjectHash>(11), PackKind::data});
  require_void(state, next_entry(state, writer, many),
               {28, "more segments than an entry may introduce"});
  REQUIRE_FALSE(validate(state, next_entry(state, writer, storing(1, 1U << 21U, 1U << 21U))));
  require_void(state, next_entry(state, writer, storing(1, 1U << 21U, (1U << 21U) + 1)),
               {33, "more numbers than an entry may reserve"});
  SnapshotTaken most = storing(1, 1, 1);
  most.numbers = {.first_number = 0, .data = 1U << 31U, .meta = 1U << 31U};  // 0 in 32 bits
  require_void(state, next_entry(state, writer, most),
               {33, "more numbers than an entry may reserve"});
}

TEST_CASE("a pending snapshot is replaced by its own slot's next, and by no other") {
  State state = small_state();
  commit(state, next_entry(state, writer, pending(snapshot(1))));
  SnapshotTaken complete = snapshot(2, "server");
  complete.replaces = sample_id<SnapshotId>(1);
  require_void(state, next_entry(state, owner, complete),
               {25, "it replaces what is not its own pending snapshot"});
  complete.source = "laptop";
  commit(state, next_entry(state, writer, complete));
  REQUIRE(state.live_snapshots().size() == 1);
  REQUIRE(state.live_snapshots()[0]->taken.snapshot == complete.snapshot);
}

TEST_CASE("a snapshot has an id, and no two have the same") {
  State state = small_state();
  SnapshotTaken unnamed = snapshot(1);
  unnamed.snapshot = {};
  require_void(state, next_entry(state, writer, unnamed), {20, "a snapshot without an id"});
  commit(state, next_entry(state, writer, snapshot(1)));
  require_void(state, next_entry(state, writer, snapshot(1)),
               {21, "a snapshot that exists already"});
}

TEST_CASE("a snapshot is not of a time after its entry's") {
  State state = small_state();
  JournalEntry entry = next_entry(state, writer, snapshot(1));
  std::get<SnapshotTaken>(entry.act).started_ms = entry.time_ms + 1;
  require_void(state, entry, {27, "a snapshot of the future"});
  std::get<SnapshotTaken>(entry.act).started_ms = entry.time_ms;
  commit(state, entry);
}

TEST_CASE("a pending snapshot is kept for no time, and locked by nothing") {
  State state = small_state();
  SnapshotTaken taken = pending(snapshot(1));
  taken.policy = "default";
  require_void(state, next_entry(state, writer, taken), {22, "a policy that is not its source's"});
  taken.policy.clear();
  taken.minimum_seconds = 1;
  require_void(state, next_entry(state, writer, taken),
               {23, "a retention that is not the policy's"});
  fix_retention(taken, default_policy(state));
  REQUIRE(taken == pending(snapshot(1)));
  commit(state, next_entry(state, writer, taken));
}

TEST_CASE("key segments are bounded, and introduced once") {
  State state = state_with_keys();
  const auto with_keys = [](std::size_t count) {
    SnapshotTaken out = snapshot(2);
    for (std::size_t i = 0; i < count; ++i) {
      auto name = sample_id<ObjectHash>(10);
      name.bytes[0] = static_cast<std::uint8_t>(i);
      out.key_segments.push_back(name);
    }
    return out;
  };
  REQUIRE_FALSE(validate(state, next_entry(state, writer, with_keys(entry_key_segments_max))));
  require_void(state, next_entry(state, writer, with_keys(entry_key_segments_max + 1)),
               {26, "more key segments than an entry may introduce"});
  SnapshotTaken twice = with_keys(1);
  twice.key_segments.push_back(twice.key_segments.front());
  require_void(state, next_entry(state, writer, twice), {36, "the same key segment twice"});
  SnapshotTaken again = snapshot(2);
  again.key_segments = {sample_id<ObjectHash>(150)};
  require_void(state, next_entry(state, writer, again), {37, "a key segment that exists already"});
}
