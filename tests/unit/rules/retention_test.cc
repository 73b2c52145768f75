// What the law says of a snapshot: minimum, maximum, lock, holds, grace.
#include "engine/rules/retention.h"

#include "engine/rules/clock.h"
#include "tests/unit/rules/retention_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

// A source under a policy of that minimum and maximum, in days.
State with_archive(std::uint64_t minimum, std::uint64_t maximum = 0) {
  State state = law_state();
  set_policy(state, policy_of_days("archive", minimum, maximum));
  assign_policy(state, "laptop", "archive");
  return state;
}

void set_days(State& state, std::uint64_t minimum, std::uint64_t maximum = 0) {
  set_policy(state, policy_of_days("archive", minimum, maximum));
}

void shorten(State& state, std::uint8_t number, std::uint64_t days) {
  add_act(state, owner,
          MinimumsShortened{.snapshots = {snapshot_id(number)},
                            .minimum_seconds = days * law_day,
                            .reason = "a test"});
}

std::string held_by(const State& state, std::uint8_t number) {
  return HeldSnapshots(state).matter_on(snapshot_row(state, number)).value_or("");
}

HoldParts naming(const std::vector<std::string>& sources) {
  return {.snapshots = {}, .sources = sources};
}

std::int64_t restorable_days(const State& state, std::uint8_t number, std::int64_t from_ms) {
  return (restorable_until_ms(state, snapshot_row(state, number)) - from_ms) / law_day_ms;
}

}  // namespace

TEST_CASE("a longer minimum reaches snapshots that exist, a shorter one only those to come") {
  State state = with_archive(30);
  add_snapshot(state, writer, 1);
  REQUIRE(minimum_days(state, 1) == 30);
  set_days(state, 366);
  REQUIRE(minimum_days(state, 1) == 366);
  add_snapshot(state, writer, 2);
  set_days(state, 30);
  add_snapshot(state, writer, 3);
  REQUIRE(minimum_days(state, 1) == 366);
  REQUIRE(minimum_days(state, 2) == 366);
  REQUIRE(minimum_days(state, 3) == 30);
  set_days(state, 60);
  REQUIRE(minimum_days(state, 1) == 366);
  REQUIRE(minimum_days(state, 3) == 60);
}

TEST_CASE("a longer policy that a source or its slot is assigned reaches its snapshots too") {
  State state = law_state();
  set_policy(state, policy_of_days("archive", 30));
  set_policy(state, policy_of_days("vault", 60));
  add_snapshot(state, writer, 1, "laptop");
  add_snapshot(state, second_writer, 2, "desk");
  assign_policy(state, "laptop", "archive");
  REQUIRE(minimum_days(state, 1) == 30);
  assign_policy(state, writer, "vault");
  REQUIRE(minimum_days(state, 1) == 30);
  assign_policy(state, "laptop", "");
  REQUIRE(minimum_days(state, 1) == 60);
  REQUIRE(minimum_days(state, 2) == 1);
  add_act(state, owner, SourceBound{.source = "desk", .slot = writer, .reason = ""});
  REQUIRE(minimum_days(state, 2) == 60);
}

TEST_CASE("a minimum that was shortened gets longer again by later policies only") {
  State state = with_archive(30);
  add_snapshot(state, writer, 1);
  set_days(state, 366);
  shorten(state, 1, 2);
  REQUIRE(minimum_days(state, 1) == 2);
  set_days(state, 10);
  REQUIRE(minimum_days(state, 1) == 2);
  set_days(state, 20);
  REQUIRE(minimum_days(state, 1) == 20);
  shorten(state, 1, 0);
  REQUIRE(minimum_days(state, 1) == 0);
  set_days(state, 20);
  REQUIRE(minimum_days(state, 1) == 0);
}

TEST_CASE("a maximum gets longer in governance, never shorter, and none is the longest") {
  State state = with_archive(10, 30);
  add_snapshot(state, writer, 1);
  set_days(state, 10, 20);
  add_snapshot(state, writer, 2);
  REQUIRE(maximum_days(state, 1) == 30);
  set_days(state, 10, 25);
  REQUIRE(maximum_days(state, 1) == 30);
  REQUIRE(maximum_days(state, 2) == 25);
  set_days(state, 10);
  REQUIRE(maximum_days(state, 1) == 0);
  set_days(state, 10, 400);
  REQUIRE(maximum_days(state, 2) == 0);
}

TEST_CASE("a maximum is never less than the minimum that a snapshot has come to") {
  State state = with_archive(10, 20);
  add_snapshot(state, writer, 1);
  set_days(state, 50, 60);
  REQUIRE(maximum_days(state, 1) == 60);
  State locked = law_state();
  impose(locked, "laptop", policy_of_days("vault", 10, 20, LockMode::compliance));
  add_snapshot(locked, writer, 1);
  impose(locked, "laptop", policy_of_days("vault", 50, 60, LockMode::compliance));
  REQUIRE(minimum_days(locked, 1) == 50);
  REQUIRE(maximum_days(locked, 1) == 50);
}

TEST_CASE("under compliance a maximum is fixed, and a weaker policy reaches nothing that exists") {
  State state = law_state();
  impose(state, "laptop", policy_of_days("vault", 10, 20, LockMode::compliance));
  add_snapshot(state, writer, 1);
  set_policy(state, policy_of_days("vault", 10, 40, LockMode::compliance));
  REQUIRE(maximum_days(state, 1) == 20);
  set_policy(state, policy_of_days("vault", 0, 90));
  pass_days(state, 4);
  add_snapshot(state, writer, 2);
  REQUIRE(lock_of(state, 2) == LockMode::governance);
  REQUIRE(lock_of(state, 1) == LockMode::compliance);
  REQUIRE(minimum_days(state, 1) == 10);
  REQUIRE(maximum_days(state, 1) == 20);
}

TEST_CASE("the change with which compliance begins still makes a maximum longer") {
  State state = law_state();
  set_policy(state, policy_of_days("archive", 10, 20));
  assign_policy(state, "laptop", "archive");
  add_snapshot(state, writer, 1);
  impose(state, "laptop", policy_of_days("vault", 10, 40, LockMode::compliance));
  REQUIRE(maximum_days(state, 1) == 40);
  REQUIRE(lock_of(state, 1) == LockMode::compliance);
}

TEST_CASE("a pending snapshot has its source's grace for a minimum, as it is now") {
  State state = law_state();
  impose(state, "laptop", policy_of_days("vault", 300, 400, LockMode::compliance));
  add_act(state, writer, pending(snapshot(1)));
  REQUIRE(minimum_days(state, 1) == 7);
  REQUIRE(maximum_days(state, 1) == 0);
  REQUIRE(lock_of(state, 1) == LockMode::governance);
  Policy longer = policy_of_days("vault", 300, 400, LockMode::compliance);
  longer.grace_seconds = 30 * law_day;
  set_policy(state, longer);
  REQUIRE(minimum_days(state, 1) == 30);
}

TEST_CASE("a hold covers the snapshots that it names, and no others") {
  State state = law_state();
  add_snapshot(state, writer, 1);
  add_snapshot(state, writer, 2);
  add_act(state, maintainer, holding("17", {.snapshots = {snapshot_id(1)}, .sources = {}}));
  REQUIRE(held_by(state, 1) == "17");
  REQUIRE(held_by(state, 2).empty());
}

TEST_CASE("a hold on a source covers what comes of it, and of sources that continue it") {
  State state = law_state();
  add_act(state, maintainer, holding("17", naming({"laptop"})));
  add_snapshot(state, writer, 1, "laptop");
  add_snapshot(state, writer, 2, "desk");
  const auto continues = [&](const std::string& source, const std::string& former) {
    add_act(state, owner,
            SourceBound{.source = source, .slot = writer, .continues = former, .reason = ""});
  };
  continues("tablet", "laptop");
  continues("phone", "tablet");
  add_snapshot(state, writer, 3, "tablet");
  add_snapshot(state, writer, 4, "phone");
  for (const std::uint8_t held : std::vector<std::uint8_t>{1, 3, 4}) {
    REQUIRE(held_by(state, held) == "17");
  }
  REQUIRE(held_by(state, 2).empty());
  // Not the other way round.
  add_act(state, owner, lifting("17"));
  add_act(state, maintainer, holding("18", naming({"tablet"})));
  REQUIRE(held_by(state, 1).empty());
  REQUIRE(held_by(state, 3) == "18");
  REQUIRE(held_by(state, 4) == "18");
}

TEST_CASE("a hold on the repository covers everything, pending snapshots too") {
  State state = law_state();
  add_snapshot(state, writer, 1);
  add_act(state, maintainer, holding("17"));
  add_act(state, writer, pending(snapshot(2, "new")));
  REQUIRE(held_by(state, 1) == "17");
  REQUIRE(held_by(state, 2) == "17");
  add_act(state, owner, lifting("17"));
  REQUIRE(held_by(state, 1).empty());
}

TEST_CASE("of holds that overlap each holds until it is lifted, and so does each part") {
  State state = law_state();
  add_snapshot(state, writer, 1);
  add_snapshot(state, writer, 2);
  const HoldParts both{.snapshots = {snapshot_id(1), snapshot_id(2)}, .sources = {}};
  const HoldParts first{.snapshots = {snapshot_id(1)}, .sources = {}};
  add_act(state, maintainer, holding("17", both));
  add_act(state, maintainer, holding("18", naming({"desk", "laptop"})));
  add_act(state, owner, lifting("18", naming({"laptop"})));
  REQUIRE(held_by(state, 1) == "17");
  add_act(state, maintainer, holding("19", first));
  add_act(state, owner, lifting("17", first));
  REQUIRE(held_by(state, 1) == "19");
  add_act(state, owner, lifting("19"));
  REQUIRE(held_by(state, 1).empty());
  REQUIRE(held_by(state, 2) == "17");
}

TEST_CASE("the grace of a retired snapshot is its policy's when it was retired") {
  State state = law_state();
  add_snapshot(state, writer, 1);
  add_snapshot(state, writer, 2);
  const std::int64_t retired_ms = state.last_ms + 2 * law_day_ms;
  add_act(state, maintainer, retiring({1}), 2 * law_day_ms);
  REQUIRE(restorable_days(state, 1, retired_ms) == 7);
  Policy longer = sample_genesis().policy;
  longer.grace_seconds = 30 * law_day;
  set_policy(state, longer);
  add_act(state, maintainer, retiring({2}));
  REQUIRE(restorable_days(state, 1, retired_ms) == 7);
  REQUIRE(restorable_days(state, 2, retired_ms) == 30);
}

TEST_CASE("a retirement stamped far ahead is at most seven days after what was seen") {
  State state = law_state();
  add_snapshot(state, writer, 1);
  const std::int64_t seen_ms = state.times.believed_ms;
  add_act(state, maintainer, retiring({1}), 300 * law_day_ms);
  REQUIRE(snapshot_row(state, 1).retired.time_ms == seen_ms + 7 * law_day_ms);
}

TEST_CASE("grace begins anew when the last hold is lifted, whatever it was on") {
  State state = law_state();
  add_snapshot(state, writer, 1, "laptop");
  add_act(state, owner,
          SourceBound{.source = "tablet", .slot = writer, .continues = "laptop", .reason = ""});
  add_snapshot(state, writer, 2, "tablet");
  add_snapshot(state, writer, 3, "desk");
  const std::int64_t retired_ms = state.last_ms + 2 * law_day_ms;
  add_act(state, maintainer, retiring({1, 2, 3}), 2 * law_day_ms);
  const auto hold_and_lift = [&](const HoldParts& parts) {
    add_act(state, maintainer, holding("17", parts));
    add_act(state, owner, lifting("17", parts), 5 * law_day_ms);
  };
  hold_and_lift({.snapshots = {snapshot_id(1)}, .sources = {}});
  REQUIRE(restorable_days(state, 1, retired_ms) == 12);
  REQUIRE(restorable_days(state, 2, retired_ms) == 7);
  hold_and_lift(naming({"laptop"}));
  REQUIRE(restorable_days(state, 1, retired_ms) == 17);
  REQUIRE(restorable_days(state, 2, retired_ms) == 17);
  REQUIRE(restorable_days(state, 3, retired_ms) == 7);
  hold_and_lift({});
  for (const std::uint8_t number : std::vector<std::uint8_t>{1, 2, 3}) {
    REQUIRE(restorable_days(state, number, retired_ms) == 22);
  }
}

TEST_CASE("the times of the law do not overflow, the last one stands for all that follow") {
  REQUIRE(seconds_after(5, 0) == 5);
  REQUIRE(seconds_after(5, 2) == 2'005);
  REQUIRE(seconds_after(0, UINT64_MAX) == INT64_MAX);
  REQUIRE(seconds_after(INT64_MAX, 0) == INT64_MAX);
  REQUIRE(seconds_after(INT64_MAX, 1) == INT64_MAX);
  REQUIRE(seconds_after(INT64_MAX - 1'000, 1) == INT64_MAX);
  REQUIRE(seconds_after(INT64_MAX - 1'001, 1) == INT64_MAX - 1);
  REQUIRE(seconds_after(INT64_MIN, 0) == INT64_MIN);
  REQUIRE(seconds_after(-1'000, 1) == 0);
  REQUIRE(seconds_after(INT64_MIN, INT64_MAX / 1'000) == INT64_MIN + INT64_MAX / 1'000 * 1'000);
}

TEST_CASE("a maximum that compliance has fixed stays, whatever policies come between") {
  State state = law_state();
  set_policy(state, policy_of_days("vault", 10, 20));
  assign_policy(state, "laptop", "vault");
  add_snapshot(state, writer, 1);
  impose(state, "laptop", policy_of_days("vault", 10, 20, LockMode::compliance));
  REQUIRE(maximum_days(state, 1) == 20);
  impose(state, "laptop", policy_of_days("vault", 10, 90));
  impose(state, "laptop", policy_of_days("vault", 10, 20, LockMode::compliance));
  REQUIRE(maximum_days(state, 1) == 20);
}

TEST_CASE("to end a source leaves what it continues, and a hold on that") {
  State state = law_state();
  add_snapshot(state, writer, 1, "laptop");
  add_act(state, owner, SourceBound{.source = "tablet", .slot = writer, .continues = "laptop"});
  add_snapshot(state, writer, 2, "tablet");
  add_act(state, maintainer, holding("17", naming({"laptop"})));
  add_act(state, owner, SourceBound{.source = "tablet", .slot = writer, .is_ended = true});
  REQUIRE(state.sources.at("tablet").continues == "laptop");
  REQUIRE(HeldSnapshots(state).matter_on(snapshot_row(state, 2)) == "17");
}
