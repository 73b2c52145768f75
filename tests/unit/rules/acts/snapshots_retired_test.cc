// The rules of retiring snapshots.
#include "tests/unit/rules/retention_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

// Snapshots 1 and 2, of which the minimum, a day, is over.
State with_old_snapshots() {
  State state = law_state();
  add_snapshot(state, writer, 1, "laptop");
  add_snapshot(state, second_writer, 2, "desk");
  add_time(state, owner, state.last_ms + 2 * law_day_ms);
  return state;
}

JournalEntry retirement(const State& state,
                        const SnapshotsRetired& retired,
                        const SlotId& author = maintainer) {
  return entry_at(state, author, retired, state.last_ms);
}

const Violation snapshots_out_of_order{74, "snapshots that are none, too many or out of order"};
const Violation gone_already{75, "a snapshot that is not there, or retired already"};
const Violation not_over{77, "a snapshot whose minimum is not over"};

}  // namespace

TEST_CASE("who maintains retires snapshots, nobody else does, and their grace is noted") {
  State state = with_old_snapshots();
  const SnapshotsRetired act = retiring({1, 2}, RetireCause::rule);
  for (const SlotId& author : {writer, reader}) {
    require_void(state, retirement(state, act, author),
                 {9, "its author lacks the capability maintain"});
  }
  commit(state, retirement(state, act));
  REQUIRE(snapshot_row(state, 1).retired == Retired{.sequence = state.next_sequence - 1,
                                                    .cause = RetireCause::rule,
                                                    .time_ms = state.last_ms,
                                                    .grace_seconds = 7 * law_day});
  REQUIRE(snapshot_row(state, 2).is_retired());
  REQUIRE(snapshot_row(state, 1).is_live);
}

TEST_CASE("who doubts its own time retires nothing") {
  const State state = with_old_snapshots();
  require_void(state, doubted(retirement(state, retiring({1}))),
               {73, "a retirement whose author doubts its time"});
}

TEST_CASE("snapshots are retired in order, each once, one at least and 4,096 at most") {
  const State state = with_old_snapshots();
  for (const SnapshotsRetired& wrong : {retiring({}), retiring({2, 1}), retiring({1, 1})}) {
    require_void(state, retirement(state, wrong), snapshots_out_of_order);
  }
  SnapshotsRetired many;
  for (std::size_t i = 0; i <= entry_snapshots_max; ++i) {
    RetiredSnapshot each;
    each.snapshot.bytes[0] = static_cast<std::uint8_t>(i >> 8U);
    each.snapshot.bytes[1] = static_cast<std::uint8_t>(i & 0xffU);
    many.snapshots.push_back(each);
  }
  require_void(state, retirement(state, many), snapshots_out_of_order);
  many.snapshots.pop_back();
  require_void(state, retirement(state, many), gone_already);
}

TEST_CASE("only a snapshot that is there and not replaced is retired, and once") {
  State state = with_old_snapshots();
  add_act(state, writer, pending(snapshot(3)));
  SnapshotTaken next = lawful_snapshot(state, writer, 4);
  next.replaces = snapshot_id(3);
  add_act(state, writer, next);
  add_time(state, owner, state.last_ms + 20 * law_day_ms);
  require_void(state, retirement(state, retiring({3})), gone_already);
  require_void(state, retirement(state, retiring({9})), gone_already);
  commit(state, retirement(state, retiring({1})));
  require_void(state, retirement(state, retiring({1, 2})), gone_already);
  REQUIRE_FALSE(snapshot_row(state, 2).is_retired());
  commit(state, retirement(state, retiring({2, 4})));
}

TEST_CASE("a snapshot that is held is not retired, nor any that is named with it") {
  State state = with_old_snapshots();
  add_act(state, maintainer, holding("17", {.snapshots = {snapshot_id(2)}, .sources = {}}));
  require_void(state, retirement(state, retiring({1, 2})), {76, "a snapshot that is held"});
  require_void(state, retirement(state, retiring({2}, RetireCause::junk), owner),
               {76, "a snapshot that is held"});
  commit(state, retirement(state, retiring({1})));
}

TEST_CASE("a snapshot is retired once its minimum is over, to the millisecond") {
  State state = law_state();
  add_snapshot(state, writer, 1);
  JournalEntry entry = retirement(state, retiring({1}));
  entry.time_ms = state.last_ms + law_day_ms - 1;
  require_void(state, entry, not_over);
  entry.author = owner;
  require_void(state, entry, not_over);
  entry.time_ms += 1;
  commit(state, entry);
}

TEST_CASE("a pending snapshot is retired once its source's grace is over") {
  State state = law_state();
  add_act(state, writer, pending(snapshot(1)));
  JournalEntry entry = retirement(state, retiring({1}));
  entry.time_ms = state.last_ms + 7 * law_day_ms - 1;
  require_void(state, entry, not_over);
  entry.time_ms += 1;
  REQUIRE(state.pending.contains(snapshot_id(1)));
  commit(state, entry);
  REQUIRE_FALSE(state.pending.contains(snapshot_id(1)));
}

TEST_CASE("only an owner calls a snapshot junk, and that too waits for its minimum") {
  State state = with_old_snapshots();
  SnapshotsRetired act = retiring({1, 2});
  act.snapshots[1].cause = RetireCause::junk;
  require_void(state, retirement(state, act), {78, "junk by the word of a slot that is no owner"});
  commit(state, retirement(state, act, owner));
  add_snapshot(state, writer, 3);
  require_void(state, retirement(state, retiring({3}, RetireCause::junk), owner), not_over);
}
