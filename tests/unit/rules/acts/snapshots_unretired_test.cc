// The rules of taking a retirement back.
#include "tests/unit/rules/retention_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

JournalEntry unretirement(const State& state, const std::vector<std::uint8_t>& numbers) {
  SnapshotsUnretired act{.snapshots = {}, .keep_until_ms = law_begin_ms, .reason = ""};
  for (const std::uint8_t number : numbers) {
    act.snapshots.push_back(snapshot_id(number));
  }
  return entry_at(state, maintainer, act, state.last_ms);
}

// Snapshots 1, 2 and the pending one 3, retired; 4 is not.
State with_retired() {
  State state = law_state();
  add_snapshot(state, writer, 1);
  add_snapshot(state, writer, 2);
  add_act(state, writer, pending(snapshot(3)));
  add_time(state, owner, state.last_ms + 10 * law_day_ms);
  add_act(state, owner, retiring({1, 2, 3}));
  add_snapshot(state, writer, 4);
  return state;
}

const Violation not_retired{83, "a snapshot that is not retired, or has ended"};

}  // namespace

TEST_CASE("who maintains takes a retirement back, and no rule retires before the time it says") {
  State state = with_retired();
  JournalEntry entry = unretirement(state, {1, 3});
  entry.author = writer;
  require_void(state, entry, {9, "its author lacks the capability maintain"});
  entry.author = maintainer;
  commit(state, entry);
  REQUIRE_FALSE(snapshot_row(state, 1).is_retired());
  REQUIRE(snapshot_row(state, 1).kept_until_ms == law_begin_ms);
  REQUIRE(snapshot_row(state, 2).is_retired());
  REQUIRE(state.pending.contains(snapshot_id(3)));
  add_act(state, maintainer, retiring({1}));
  REQUIRE(snapshot_row(state, 1).kept_until_ms == 0);
}

TEST_CASE("only what is retired is unretired, in order and each once") {
  const State state = with_retired();
  for (const std::vector<std::uint8_t>& wrong :
       {std::vector<std::uint8_t>{}, std::vector<std::uint8_t>{2, 1},
        std::vector<std::uint8_t>{1, 1}}) {
    require_void(state, unretirement(state, wrong),
                 {74, "snapshots that are none, too many or out of order"});
  }
  require_void(state, unretirement(state, {1, 4}), not_retired);
  require_void(state, unretirement(state, {9}), not_retired);
}

TEST_CASE("a pending snapshot that was replaced while it was retired is not pending again") {
  State state = with_retired();
  SnapshotTaken next = lawful_snapshot(state, writer, 5);
  next.replaces = snapshot_id(3);
  add_act(state, writer, next);
  commit(state, unretirement(state, {3}));
  REQUIRE_FALSE(state.pending.contains(snapshot_id(3)));
  REQUIRE_FALSE(snapshot_row(state, 3).is_live);
}
