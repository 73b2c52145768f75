// The rules of shortening minimums.
#include "tests/unit/rules/retention_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

MinimumsShortened to_hours(const std::vector<std::uint8_t>& numbers, std::uint64_t hours) {
  MinimumsShortened out{.snapshots = {}, .minimum_seconds = hours * 3'600, .reason = "a test"};
  for (const std::uint8_t number : numbers) {
    out.snapshots.push_back(snapshot_id(number));
  }
  return out;
}

JournalEntry shortening(const State& state, const MinimumsShortened& act) {
  return entry_at(state, owner, act, state.last_ms);
}

// Snapshots 1 and 2 with a minimum of a day, and the pending one 3.
State with_minimums() {
  State state = law_state();
  add_snapshot(state, writer, 1);
  add_snapshot(state, writer, 2);
  add_act(state, writer, pending(snapshot(3)));
  return state;
}

const Violation not_finished{80, "a snapshot that is not there, or pending"};
const Violation not_shorter{82, "a minimum that is not shorter than before"};

}  // namespace

TEST_CASE("an owner shortens the minimums of snapshots that there are, and nobody else does") {
  State state = with_minimums();
  JournalEntry entry = shortening(state, to_hours({1, 2}, 1));
  entry.author = maintainer;
  require_void(state, entry, {9, "its author lacks the capability own"});
  commit(state, shortening(state, to_hours({1, 2}, 1)));
  for (const std::uint8_t number : std::vector<std::uint8_t>{1, 2}) {
    const SnapshotState row = snapshot_row(state, number);
    REQUIRE(terms_of(state, row).minimum_ms == row.counts_from_ms + law_hour_ms);
  }
}

TEST_CASE("minimums are shortened in order, each once, with a reason") {
  const State state = with_minimums();
  const Violation snapshots_out_of_order{74, "snapshots that are none, too many or out of order"};
  for (const MinimumsShortened& wrong :
       {to_hours({}, 1), to_hours({2, 1}, 1), to_hours({1, 1}, 1)}) {
    require_void(state, shortening(state, wrong), snapshots_out_of_order);
  }
  MinimumsShortened silent = to_hours({1}, 1);
  silent.reason.clear();
  require_void(state, shortening(state, silent), {79, "a minimum is shortened without a reason"});
}

TEST_CASE("only a finished snapshot that is there has a minimum to shorten") {
  const State state = with_minimums();
  require_void(state, shortening(state, to_hours({9}, 1)), not_finished);
  require_void(state, shortening(state, to_hours({1, 3}, 1)), not_finished);
}

TEST_CASE("under compliance nobody shortens a minimum, whether the entry or the latch has it") {
  State state = law_state();
  add_snapshot(state, writer, 1);
  impose(state, "laptop", policy_of_days("vault", 30, 0, LockMode::compliance));
  add_snapshot(state, writer, 2);
  for (const std::uint8_t number : std::vector<std::uint8_t>{1, 2}) {
    require_void(state, shortening(state, to_hours({number}, 1)),
                 {81, "a minimum that compliance has locked"});
  }
}

TEST_CASE("a minimum is not shortened to what it is, or longer") {
  State state = with_minimums();
  require_void(state, shortening(state, to_hours({1}, 24)), not_shorter);
  require_void(state, shortening(state, to_hours({1}, 25)), not_shorter);
  MinimumsShortened longest = to_hours({1}, 0);
  longest.minimum_seconds = UINT64_MAX;
  require_void(state, shortening(state, longest), not_shorter);
  commit(state, shortening(state, to_hours({1}, 23)));
  require_void(state, shortening(state, to_hours({1, 2}, 23)), not_shorter);
  commit(state, shortening(state, to_hours({1}, 0)));
  require_void(state, shortening(state, to_hours({1}, 0)), not_shorter);
}
