// The time that retention goes by: what others have seen, and what a wrong or a false clock gains.
#include "engine/rules/clock.h"
#include "tests/unit/rules/retention_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

const SlotId auditor = sample_id<SlotId>(150);

std::int64_t years_ms(std::int64_t years) {
  return years * 366 * law_day_ms;
}

// Source laptop under compliance, with snapshot 1 and a minimum of 30 days. The newest time that
// the owner has come to is the state's last one.
State locked_state() {
  State state = law_state();
  impose(state, "laptop", policy_of_days("vault", 30, 0, LockMode::compliance));
  add_time(state, owner, state.last_ms);
  add_snapshot(state, writer, 1);
  return state;
}

JournalEntry retire_at(const State& state, const SlotId& author, std::int64_t time_ms) {
  return entry_at(state, author, retiring({1}), time_ms);
}

void hop(State& state, const SlotId& author, std::int64_t days, int times) {
  for (int i = 0; i < times; ++i) {
    add_time(state, author, state.slots.at(author).bound_ms + days * law_day_ms);
  }
}

const Violation not_yet{77, "a snapshot whose minimum is not over"};

}  // namespace

TEST_CASE("others have seen what one that audits, maintains or owns has, or two of any kind") {
  State state = law_state();
  add_act(state, owner, slot(auditor, auditor_capabilities));
  const std::int64_t now = state.last_ms;
  REQUIRE(witnessed_ms(state, writer) == now);
  add_time(state, writer, now + 50);
  REQUIRE(witnessed_ms(state, maintainer) == now);
  add_time(state, second_writer, now + 30);
  REQUIRE(witnessed_ms(state, maintainer) == now + 30);
  add_time(state, reader, now + 40);
  REQUIRE(witnessed_ms(state, maintainer) == now + 40);
  REQUIRE(witnessed_ms(state, writer) == now + 30);
  add_time(state, auditor, now + 45);
  REQUIRE(witnessed_ms(state, maintainer) == now + 45);
  REQUIRE(witnessed_ms(state, auditor) == now + 40);
  add_time(state, maintainer, now + 45);
  REQUIRE(witnessed_ms(state, auditor) == now + 45);
}

TEST_CASE("the only other slot that has written is a witness, alone it is what has been seen") {
  State state;
  commit(state, entry_at(state, owner, sample_genesis(), law_begin_ms));
  REQUIRE(witnessed_ms(state, owner) == law_begin_ms);
  add_act(state, owner, slot(writer, writer_capabilities));
  add_time(state, owner, law_begin_ms + 7);
  REQUIRE(witnessed_ms(state, owner) == law_begin_ms + 7);
  add_time(state, writer, law_begin_ms + 10);
  add_time(state, owner, law_begin_ms + 20);
  REQUIRE(witnessed_ms(state, owner) == law_begin_ms + 10);
}

TEST_CASE("slots that were revoked have seen nothing, and neither do times that are doubted") {
  State state = law_state();
  add_act(state, owner, slot(auditor, auditor_capabilities));
  const std::int64_t now = state.last_ms;
  add_time(state, auditor, now + law_day_ms);
  add_time(state, writer, now + 3 * law_day_ms);
  add_time(state, second_writer, now + 3 * law_day_ms);
  commit(state, doubted(entry_at(state, auditor, StateRemade{sample_id<ClientId>(3)},
                                 now + 9 * law_day_ms)));
  REQUIRE(witnessed_ms(state, maintainer) == now + 3 * law_day_ms);
  REQUIRE(state.times.believed_ms == now);
  EpochEnded ended = new_epoch(state);
  ended.revoked = {second_writer, auditor};
  std::erase_if(ended.boxes, [](const NamedBox& box) {
    return box.slot == second_writer || box.slot == auditor;
  });
  JournalEntry entry = ending(state, ended);
  entry.time_ms = now + 5;
  commit(state, entry);
  REQUIRE(witnessed_ms(state, maintainer) == now + 5);
  REQUIRE(witnessed_ms(state, owner) == now + 3 * law_day_ms);
}

TEST_CASE("a retirement counts as at most seven days after what was seen") {
  const State state = law_state();
  const std::int64_t seen_ms = state.times.believed_ms;
  const auto counts_as = [&](LockMode lock, std::int64_t time_ms) {
    return retention_time_ms(state, maintainer, lock, time_ms);
  };
  for (const LockMode lock : {LockMode::governance, LockMode::compliance}) {
    REQUIRE(counts_as(lock, seen_ms) == seen_ms);
    REQUIRE(counts_as(lock, seen_ms + 7 * law_day_ms) == seen_ms + 7 * law_day_ms);
    REQUIRE(counts_as(lock, seen_ms + years_ms(100)) == seen_ms + 7 * law_day_ms);
    REQUIRE(counts_as(lock, INT64_MAX) == seen_ms + 7 * law_day_ms);
  }
}

TEST_CASE("a writer that stamps its snapshot 2126 has it age from a year after what others saw") {
  State state = locked_state();
  const std::int64_t now = state.last_ms;
  commit(state, entry_at(state, writer, lawful_snapshot(state, writer, 2), now + years_ms(100)));
  REQUIRE(snapshot_row(state, 2).time_ms == now + years_ms(100));
  REQUIRE(snapshot_row(state, 2).counts_from_ms == now + years_ms(1));
  REQUIRE(snapshot_row(state, 1).counts_from_ms == now);
  REQUIRE(witnessed_ms(state, maintainer) == now);
}

TEST_CASE("who may retire, and stamps its own snapshot 2126, is no witness of that itself") {
  State state = law_state();
  add_time(state, maintainer, state.last_ms);
  for (const SlotId& author : {maintainer, owner}) {
    State next = state;
    commit(next, entry_at(next, author, lawful_snapshot(next, author, 1, "own"),
                          next.last_ms + years_ms(100)));
    REQUIRE(snapshot_row(next, 1).counts_from_ms == state.last_ms + years_ms(1));
  }
}

TEST_CASE("an age begins when its entry says although all others have been silent for years") {
  State state = locked_state();
  for (std::uint8_t year = 2; year <= 6; ++year) {
    const std::int64_t now = state.last_ms + 300 * law_day_ms;
    commit(state, entry_at(state, writer, lawful_snapshot(state, writer, year), now));
    REQUIRE(snapshot_row(state, year).counts_from_ms == now);
  }
}

TEST_CASE("a clock reset makes no snapshot older than it is") {
  State state = locked_state();
  const std::int64_t now = state.last_ms;
  commit(state, entry_at(state, owner, ClockReset{"back to the beginning"}, 0));
  commit(state, entry_at(state, writer, lawful_snapshot(state, writer, 2), now + 5));
  REQUIRE(snapshot_row(state, 2).counts_from_ms == now + 5);
}

TEST_CASE("a time that was forced upon a writer does not make its snapshot younger") {
  State state = locked_state();
  const std::int64_t now = state.last_ms;
  add_time(state, owner, now + years_ms(100));
  SnapshotTaken taken = lawful_snapshot(state, writer, 2);
  taken.started_ms = now + 10;
  commit(state, doubted(entry_at(state, writer, taken, now + years_ms(100))));
  REQUIRE(snapshot_row(state, 2).counts_from_ms == now + 10);
  // Nor older than what its author has seen.
  taken = lawful_snapshot(state, writer, 3);
  taken.started_ms = 0;
  commit(state, doubted(entry_at(state, writer, taken, now + years_ms(100))));
  REQUIRE(snapshot_row(state, 3).counts_from_ms == state.slots.at(writer).peak_ms);
}

TEST_CASE("a second writer that claims 2126 too is not enough to make a snapshot younger") {
  State state = law_state();
  const std::int64_t now = state.last_ms;
  add_time(state, second_writer, now + years_ms(100));
  commit(state, entry_at(state, writer, lawful_snapshot(state, writer, 1), now + years_ms(100)));
  REQUIRE(snapshot_row(state, 1).counts_from_ms == now + years_ms(1));
}

TEST_CASE("a disk that comes from its drawer each quarter keeps the age that its entry says") {
  State state = law_state();
  for (std::uint8_t quarter = 1; quarter <= 6; ++quarter) {
    const std::int64_t now = state.last_ms + 92 * law_day_ms;
    commit(state, entry_at(state, writer, lawful_snapshot(state, writer, quarter), now));
    REQUIRE(snapshot_row(state, quarter).counts_from_ms == now);
  }
  add_time(state, owner, state.last_ms);
  const std::int64_t now = state.last_ms + 92 * law_day_ms;
  commit(state, entry_at(state, writer, lawful_snapshot(state, writer, 7), now));
  REQUIRE(snapshot_row(state, 7).counts_from_ms == now);
}

TEST_CASE("one entry of an operator years ahead retires nothing in governance by itself") {
  State state = law_state();
  set_policy(state, policy_of_days("archive", 30));
  assign_policy(state, "laptop", "archive");
  add_snapshot(state, writer, 1);
  const std::int64_t now = state.last_ms;
  require_void(state, retire_at(state, maintainer, now + years_ms(10)), not_yet);
  require_void(state, retire_at(state, owner, now + 29 * law_day_ms), not_yet);
  hop(state, owner, 23, 1);
  REQUIRE_FALSE(validate(state, retire_at(state, maintainer, now + 30 * law_day_ms)));
}

TEST_CASE("in governance an operator's own earlier entries are enough, whatever they claim") {
  State state = law_state();
  set_policy(state, policy_of_days("archive", 366));
  assign_policy(state, "laptop", "archive");
  add_snapshot(state, writer, 1);
  add_time(state, maintainer, state.last_ms);
  hop(state, maintainer, 7, 51);
  require_void(state, retire_at(state, maintainer, state.last_ms + law_day_ms), not_yet);
  hop(state, maintainer, 7, 1);
  REQUIRE_FALSE(validate(state, retire_at(state, maintainer, state.last_ms + 2 * law_day_ms)));
}

TEST_CASE("under compliance no hops of an operator retire anything without another slot") {
  State state = locked_state();
  const std::int64_t now = state.last_ms;
  add_time(state, maintainer, now);
  hop(state, maintainer, 7, 520);
  hop(state, maintainer, 36'600, 1);
  require_void(state, retire_at(state, maintainer, state.last_ms), not_yet);
  // The owner's word is enough, once it comes as far; less than a week before the end is not.
  State early = state;
  commit(early, entry_at(early, owner, ClockReset{"a test"}, now + 23 * law_day_ms - 1));
  require_void(early, retire_at(early, maintainer, now + years_ms(10)), not_yet);
  commit(state, entry_at(state, owner, ClockReset{"a test"}, now + 23 * law_day_ms));
  REQUIRE_FALSE(validate(state, retire_at(state, maintainer, now + 30 * law_day_ms)));
}

TEST_CASE("under compliance a single writer's clock moves nothing beside an owner, two do") {
  State state = locked_state();
  const std::int64_t now = state.last_ms;
  add_time(state, writer, now + years_ms(10));
  require_void(state, retire_at(state, maintainer, now + years_ms(10)), not_yet);
  add_time(state, second_writer, now + years_ms(10));
  REQUIRE_FALSE(validate(state, retire_at(state, maintainer, now + years_ms(10))));
}

TEST_CASE("a doubted time of an owner or an operator moves neither governance nor compliance") {
  State state = locked_state();
  const std::int64_t now = state.last_ms;
  for (const SlotId& author : {owner, maintainer}) {
    commit(state, doubted(entry_at(state, author, StateRemade{sample_id<ClientId>(3)},
                                   now + years_ms(10))));
  }
  for (const LockMode lock : {LockMode::governance, LockMode::compliance}) {
    REQUIRE(retention_time_ms(state, maintainer, lock, now + years_ms(10)) == now + 7 * law_day_ms);
  }
  require_void(state, retire_at(state, maintainer, now + years_ms(10)), not_yet);
}

TEST_CASE("a clock reset takes back what was seen, for governance and for compliance") {
  State state = locked_state();
  const std::int64_t now = state.last_ms;
  for (const SlotId& author : {maintainer, second_writer, writer}) {
    add_time(state, author, now + years_ms(10));
  }
  REQUIRE_FALSE(validate(state, retire_at(state, owner, now + years_ms(10))));
  commit(state, entry_at(state, owner, ClockReset{"a test"}, now + 5));
  REQUIRE(witnessed_ms(state, owner) == now + 5);
  REQUIRE(state.times.believed_ms == now + 5);
  require_void(state, retire_at(state, owner, now + years_ms(10)), not_yet);
  require_void(state, retire_at(state, maintainer, now + years_ms(10)), not_yet);
}
