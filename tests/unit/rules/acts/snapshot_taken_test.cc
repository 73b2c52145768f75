// The rules of a snapshot's entry.
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
  require_void(state, next_entry(state, writer, unknown), {22, "a policy that does not exist"});
}

TEST_CASE("a source belongs to the slot that used it first") {
  State state = small_state();
  commit(state, next_entry(state, writer, snapshot(1, "laptop")));
  require_void(state, next_entry(state, owner, snapshot(2, "laptop")),
               {24, "a source that belongs to another slot"});
  REQUIRE_FALSE(validate(state, next_entry(state, owner, snapshot(2, "server"))));
  REQUIRE_FALSE(validate(state, next_entry(state, writer, snapshot(2, "laptop"))));
}

TEST_CASE("block numbers are dense and never given twice") {
  State state = small_state();
  SnapshotTaken first = snapshot(1);
  first.segments = {{sample_id<ObjectHash>(10), 0, 100}, {sample_id<ObjectHash>(20), 100, 5}};
  commit(state, next_entry(state, writer, first));
  REQUIRE(state.next_number == 105);
  SnapshotTaken overlapping = snapshot(2);
  overlapping.segments = {{sample_id<ObjectHash>(30), 100, 5}};
  require_void(state, next_entry(state, writer, overlapping),
               {31, "block numbers that do not follow"});
  SnapshotTaken again = snapshot(2);
  again.segments = {{sample_id<ObjectHash>(10), 105, 100}};
  require_void(state, next_entry(state, writer, again), {32, "a segment that exists already"});
  SnapshotTaken twice = snapshot(2);
  twice.segments = {{sample_id<ObjectHash>(30), 105, 1}, {sample_id<ObjectHash>(30), 106, 1}};
  require_void(state, next_entry(state, writer, twice), {29, "the same segment twice"});
  // One without blocks would begin where the next begins, and take its place among the distrusted.
  SnapshotTaken empty = snapshot(2);
  empty.segments = {{sample_id<ObjectHash>(30), 105, 0}, {sample_id<ObjectHash>(31), 105, 9}};
  require_void(state, next_entry(state, writer, empty), {30, "a segment of no blocks"});
}

TEST_CASE("what an entry may introduce is bounded") {
  const State state = small_state();
  SnapshotTaken many = snapshot(1);
  for (std::uint32_t i = 0; i < entry_segments_max; ++i) {
    auto name = sample_id<ObjectHash>(10);
    name.bytes[0] = static_cast<std::uint8_t>(i);
    name.bytes[1] = static_cast<std::uint8_t>(i >> 8U);
    many.segments.push_back({name, i, 1});
  }
  REQUIRE_FALSE(validate(state, next_entry(state, writer, many)));
  many.segments.push_back({sample_id<ObjectHash>(11), entry_segments_max, 1});
  require_void(state, next_entry(state, writer, many),
               {28, "more segments than an entry may introduce"});
  SnapshotTaken large = snapshot(1);
  large.segments = {{sample_id<ObjectHash>(10), 0, 1U << 21U},
                    {sample_id<ObjectHash>(11), 1U << 21U, 1U << 21U}};
  REQUIRE_FALSE(validate(state, next_entry(state, writer, large)));
  ++large.segments.back().block_count;
  require_void(state, next_entry(state, writer, large),
               {33, "more blocks than an entry may introduce"});
}

TEST_CASE("a pending snapshot is replaced by its own slot's next, and by no other") {
  State state = small_state();
  SnapshotTaken pending = snapshot(1);
  pending.is_pending = true;
  pending.minimum_seconds = 0;
  commit(state, next_entry(state, writer, pending));
  SnapshotTaken complete = snapshot(2, "server");
  complete.replaces = pending.snapshot;
  require_void(state, next_entry(state, owner, complete),
               {25, "it replaces what is not its own pending snapshot"});
  complete.source = "laptop";
  commit(state, next_entry(state, writer, complete));
  REQUIRE(state.live_snapshots().size() == 1);
  REQUIRE(state.live_snapshots()[0]->taken.snapshot == complete.snapshot);
}

TEST_CASE("segments count as proved when their author can read") {
  State state = small_state();
  SnapshotTaken by_writer = snapshot(1, "a");
  by_writer.segments = {{sample_id<ObjectHash>(10), 0, 1}};
  commit(state, next_entry(state, writer, by_writer));
  SnapshotTaken by_owner = snapshot(2, "b");
  by_owner.segments = {{sample_id<ObjectHash>(20), 1, 1}};
  commit(state, next_entry(state, owner, by_owner));
  REQUIRE_FALSE(state.segments.at(sample_id<ObjectHash>(10)).is_proved);
  REQUIRE(state.segments.at(sample_id<ObjectHash>(20)).is_proved);
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
  SnapshotTaken pending = snapshot(1);
  pending.is_pending = true;
  require_void(state, next_entry(state, writer, pending),
               {23, "a retention that is not the policy's"});
  fix_retention(pending, policy_in_force(state));
  REQUIRE(pending.minimum_seconds == 0);
  commit(state, next_entry(state, writer, pending));
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
