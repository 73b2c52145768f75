// What an entry is stamped with, by any clock, and whom that binds.
#include "engine/rules/clock.h"

#include <cstdint>

#include "tests/unit/rules/rules_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

constexpr std::int64_t one_day_ms = 86'400'000;

// Commits a snapshot by a slot whose clock says that.
JournalEntry commit_at(State& state, const SlotId& author, std::int64_t now_ms) {
  const auto number = static_cast<std::uint8_t>(10 + state.next_sequence);
  JournalEntry entry = next_entry(state, author, snapshot(number, concat("source ", number)));
  const Stamp stamp = stamp_of(state, author, now_ms);
  entry.time_ms = stamp.time_ms;
  entry.is_time_doubted = stamp.is_doubted;
  commit(state, entry);
  return entry;
}

JournalEntry reset_at(const State& state, std::int64_t now_ms) {
  JournalEntry entry = next_entry(state, owner, ClockReset{"a test"});
  entry.time_ms = now_ms;
  return entry;
}

}  // namespace

TEST_CASE("a clock near the journal's time is believed") {
  State state = small_state();
  const std::int64_t now = state.last_ms;
  REQUIRE(stamp_of(state, owner, now + 5) == Stamp{now + 5, false});
  REQUIRE(stamp_of(state, owner, now + 35 * one_day_ms) == Stamp{now + 35 * one_day_ms, false});
  REQUIRE(stamp_of(state, owner, now - 3'600'000) == Stamp{now, false});
}

TEST_CASE("a clock far ahead is doubted, a year at most is taken of it, and nobody is bound") {
  State state = small_state();
  const std::int64_t now = state.last_ms;
  REQUIRE(stamp_of(state, owner, now + 35 * one_day_ms + 1) ==
          Stamp{now + 35 * one_day_ms + 1, true});
  const std::int64_t in_2040 = now + 5'000 * one_day_ms;
  REQUIRE(commit_at(state, owner, in_2040).time_ms == now + 366 * one_day_ms);
  for (const SlotId& author : {owner, writer}) {
    REQUIRE(stamp_of(state, author, now + 10) == Stamp{now + 10, false});
  }
  REQUIRE(stamp_of(state, writer, INT64_MAX) == Stamp{now + 732 * one_day_ms, true});
}

TEST_CASE("a clock behind what binds its slot is doubted, and never stamps before that") {
  State state = small_state();
  const std::int64_t now = state.last_ms;
  commit_at(state, owner, now + 10 * one_day_ms);
  REQUIRE(stamp_of(state, writer, now) == Stamp{now + 10 * one_day_ms, true});
  REQUIRE(stamp_of(state, writer, INT64_MIN) == Stamp{now + 10 * one_day_ms, true});
  const JournalEntry doubted = commit_at(state, writer, now);
  REQUIRE(doubted.is_time_doubted);
  REQUIRE(state.slots.at(writer).bound_ms == 0);
}

TEST_CASE("what a slot claimed binds nobody once it was revoked") {
  State state = small_state();
  const auto second = sample_id<SlotId>(80);
  commit(state, next_entry(state, owner, slot(second, writer_capabilities)));
  const std::int64_t now = state.last_ms;
  for (const SlotId& liar : {writer, second}) {
    JournalEntry entry = next_entry(state, liar, snapshot(liar.bytes[0], hex(liar)));
    entry.time_ms = now + 5'000 * one_day_ms;
    commit(state, entry);
  }
  REQUIRE(state.least_time_ms(reader) == now + 5'000 * one_day_ms);
  EpochEnded ended = new_epoch(state);
  ended.revoked = {writer, second};
  std::erase_if(ended.boxes,
                [&](const NamedBox& box) { return box.slot == writer || box.slot == second; });
  JournalEntry entry = ending(state, ended);
  entry.time_ms = now + 1;
  commit(state, entry);
  REQUIRE(state.least_time_ms(reader) == now + 1);
}

TEST_CASE("an owner takes back times of the future, and a doubted clock resets nothing") {
  State state = small_state();
  const std::int64_t now = state.last_ms;
  JournalEntry lie = next_entry(state, owner, snapshot(1));
  lie.time_ms = now + 5'000 * one_day_ms;
  commit(state, lie);
  REQUIRE(stamp_of(state, writer, now + 1).is_doubted);
  JournalEntry reset = reset_at(state, now + 1);
  reset.is_time_doubted = true;
  require_void(state, reset, {49, "a reset to a time that its author doubts"});
  reset = reset_at(state, now + 1);
  reset.author = writer;
  require_void(state, reset, {9, "its author lacks the capability own"});
  commit(state, reset_at(state, now + 1));
  REQUIRE(newest_time_ms(state) == now + 1);
  REQUIRE(stamp_of(state, writer, now + 2) == Stamp{now + 2, false});
}

TEST_CASE("a reset raises nothing that another slot has come to") {
  State state = small_state();
  const std::int64_t now = state.last_ms;
  commit(state, reset_at(state, now + 5'000 * one_day_ms));
  REQUIRE(state.slots.at(writer).last_seen_ms <= now);
  REQUIRE(state.slots.at(writer).bound_ms == 0);
}
