// Which snapshots a policy keeps: the rules one by one, what stands beside the line, and floors.
#include "engine/rules/keep_plan.h"

#include <algorithm>

#include "tests/support/samples.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

constexpr std::int64_t planned_hour = 3'600'000;
constexpr std::int64_t planned_day = 24 * planned_hour;
// 2026-06-15 12:00 UTC, a Monday.
constexpr std::int64_t planned_now = 1'781'524'800'000;

SnapshotId planned_id(std::size_t number) {
  SnapshotId out;
  out.bytes[0] = static_cast<std::uint8_t>(number >> 8U);
  out.bytes[1] = static_cast<std::uint8_t>(number & 0xffU);
  return out;
}

PlannedSnapshot taken(std::size_t number, std::int64_t started_ms) {
  return {.id = planned_id(number), .started_ms = started_ms};
}

// So many snapshots, the last one `step` before now.
std::vector<PlannedSnapshot> every(std::int64_t step, std::size_t count) {
  std::vector<PlannedSnapshot> out;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(taken(i, planned_now - static_cast<std::int64_t>(count - i) * step));
  }
  return out;
}

// The numbers of those that are kept.
std::vector<std::size_t> kept(const Policy& policy,
                              const std::vector<PlannedSnapshot>& series,
                              PlanOptions options = {.now_ms = planned_now}) {
  std::vector<std::size_t> out;
  for (const PlanLine& line : plan_series(policy, series, options)) {
    if (line.is_kept()) out.push_back(line.snapshot.bytes[0] * 256U + line.snapshot.bytes[1]);
  }
  return out;
}

using Numbers = std::vector<std::size_t>;

}  // namespace

TEST_CASE("a policy without rules keeps everything") {
  const auto series = every(planned_hour, 5);
  REQUIRE(kept({}, series) == Numbers{0, 1, 2, 3, 4});
  REQUIRE(text(plan_series({}, series, {.now_ms = planned_now}).front().reasons.front()) ==
          "the policy has no rules");
}

TEST_CASE("of each of the newest days the newest snapshot is kept, and the oldest while too few") {
  Policy policy;
  policy.daily.count = 3;
  // Twice a day, at 00:00 and 12:00; the last at 00:00 of today.
  const auto series = every(planned_day / 2, 10);
  REQUIRE(kept(policy, series) == Numbers{6, 8, 9});
  policy.daily.count = 30;
  REQUIRE(kept(policy, series) == Numbers{0, 2, 4, 6, 8, 9});
  const std::vector<PlanLine> lines = plan_series(policy, series, {.now_ms = planned_now});
  REQUIRE(text(lines[8].reasons.at(0)) == "last daily of 2026-06-14, 2nd of 30");
  REQUIRE(lines[0].reasons.back() == KeepReason{.kind = KeepKind::oldest});
}

TEST_CASE("days without snapshots stretch a count, and not a window") {
  std::vector<PlannedSnapshot> series;
  for (std::size_t i = 0; i < 6; ++i) {
    series.push_back(taken(i, planned_now - static_cast<std::int64_t>(6 - i) * 3 * planned_day));
  }
  Policy policy;
  policy.daily.count = 3;
  REQUIRE(kept(policy, series) == Numbers{3, 4, 5});
  policy.daily = {.count = 0, .window = {.months = 0, .seconds = 604'800}};
  REQUIRE(kept(policy, series) == Numbers{4, 5});
  // The day in which the window begins counts: it ends after that.
  policy.daily.window.seconds = 777'600;
  REQUIRE(kept(policy, series) == Numbers{3, 4, 5});
}

TEST_CASE("weeks begin on Monday, quarters and years with their first day, in the policy's zone") {
  Policy policy;
  policy.zone = "Pacific/Auckland";
  policy.yearly.count = 2;
  // 2025-12-31 10:30 and 11:30 UTC: half an hour before and behind midnight there.
  const std::int64_t new_year = 1'767'178'800'000;
  const std::vector<PlannedSnapshot> series{taken(0, new_year - planned_hour / 2),
                                            taken(1, new_year + planned_hour / 2),
                                            taken(2, new_year + planned_day)};
  REQUIRE(kept(policy, series) == Numbers{0, 2});
  REQUIRE(text(plan_series(policy, series, {.now_ms = planned_now}).at(0).reasons.at(0)) ==
          "last yearly of 2025, 2nd of 2");
  policy.yearly = {};
  policy.weekly.count = 10;
  const std::vector<PlannedSnapshot> days = every(planned_day, 15);  // from 2026-05-31, a Sunday
  policy.zone = "";
  REQUIRE(kept(policy, days) == Numbers{0, 7, 14});
  REQUIRE(text(plan_series(policy, days, {.now_ms = planned_now}).at(7).reasons.at(0)) ==
          "last weekly of the week of 2026-06-01, 2nd of 10");
}

TEST_CASE("the hour that an autumn night has twice is two") {
  Policy policy;
  policy.zone = "Europe/Berlin";
  policy.hourly.count = 2;
  const std::int64_t first = 1'792'888'200'000;  // 02:30 in summer time, and an hour later again
  const std::vector<PlannedSnapshot> series{taken(0, first - planned_hour), taken(1, first),
                                            taken(2, first + planned_hour)};
  REQUIRE(kept(policy, series, {.now_ms = first + planned_day}) == Numbers{1, 2});
}

TEST_CASE("who backs up every minute fills one place an hour") {
  Policy policy;
  policy.last = 3;
  std::vector<PlannedSnapshot> series = every(planned_hour, 5);
  for (std::size_t i = 0; i < 50; ++i) {
    series.push_back(
        taken(100 + i, planned_now - planned_hour + static_cast<std::int64_t>(i) * 60'000));
  }
  std::ranges::stable_sort(series, {}, &PlannedSnapshot::started_ms);
  // 2, 3 and 4 have the places; of the others the newest is kept while it is that.
  REQUIRE(kept(policy, series) == Numbers{2, 3, 4, 149});
  policy.interval = {.months = 0, .seconds = 86'400};
  const auto days = every(planned_day / 4, 20);
  REQUIRE(kept(policy, days) == Numbers{10, 14, 18, 19});  // the first of each day
}

TEST_CASE("what is doubted displaces nothing, and is not lost for it") {
  Policy policy;
  policy.daily.count = 3;
  const auto series = every(planned_day, 6);
  const Numbers good{3, 4, 5};
  REQUIRE(kept(policy, series) == good);
  SECTION("of times before that of an earlier entry") {
    std::vector<PlannedSnapshot> more = series;
    for (std::size_t i = 0; i < 4; ++i) {
      more.push_back(taken(100 + i, planned_now - static_cast<std::int64_t>(i) * planned_day -
                                        3 * planned_day + 2 * planned_hour));
    }
    // 100 and 101 would be the newest of days that are kept; the others are of older ones.
    REQUIRE(kept(policy, more) == Numbers{3, 4, 5, 100});
  }
  SECTION("damaged, or suspicious while the incident is open") {
    std::vector<PlannedSnapshot> more = series;
    more[4].is_hurt = true;
    REQUIRE(kept(policy, more) == Numbers{2, 3, 4, 5});
    more[4].is_hurt = false;
    more[5].is_suspicious = true;
    REQUIRE(kept(policy, more) == Numbers{2, 3, 4, 5});
  }
  SECTION("of a time to come") {
    std::vector<PlannedSnapshot> more = series;
    more.push_back(taken(100, planned_now + planned_day));
    more.push_back(taken(101, planned_now - planned_hour));
    REQUIRE(kept(policy, more) == Numbers{4, 5, 100, 101});
  }
}

TEST_CASE("a whole snapshot is preferred to a partial one within an interval and a period") {
  Policy policy;
  policy.daily.count = 1;
  std::vector<PlannedSnapshot> series = every(planned_hour, 3);
  series[2].is_partial = true;
  REQUIRE(kept(policy, series) == Numbers{1, 2});  // 2 is the newest of all
  series.push_back(taken(3, series[2].started_ms + 60'000));
  REQUIRE(kept(policy, series) == Numbers{2, 3});  // of one interval
  for (PlannedSnapshot& each : series) {
    each.is_partial = true;
  }
  REQUIRE(kept(policy, series) == Numbers{2, 3});
}

TEST_CASE("the newest whole snapshot is kept against every rule, but not past its maximum") {
  Policy policy;
  policy.daily = {.count = 0, .window = {.months = 0, .seconds = 86'400}};
  std::vector<PlannedSnapshot> series = every(planned_day, 3);
  const PlanOptions late{.now_ms = planned_now + 400 * planned_day};
  REQUIRE(kept(policy, series, late) == Numbers{2});
  series[2].is_partial = true;
  REQUIRE(kept(policy, series, late) == Numbers{1, 2});
  for (PlannedSnapshot& each : series) {
    each.maximum_ms = planned_now + 300 * planned_day;
  }
  REQUIRE(kept(policy, series, late).empty());
  REQUIRE(plan_series(policy, series, late).front().is_past_maximum);
  series[0].matter = "17";
  series[1].minimum_ms = planned_now + 500 * planned_day;
  REQUIRE(kept(policy, series, late) == Numbers{0, 1});
}

TEST_CASE("minimum, hold, unretiring and a freeze keep what rules would let go") {
  Policy policy;
  policy.last = 1;
  policy.within = {.months = 0, .seconds = 259'200};
  std::vector<PlannedSnapshot> series = every(planned_day, 8);
  REQUIRE(kept(policy, series) == Numbers{5, 6, 7});
  series[0].minimum_ms = planned_now + 1;
  series[1].matter = "17";
  series[2].unretired_ms = planned_now + 1;
  series[3].minimum_ms = planned_now;
  REQUIRE(kept(policy, series) == Numbers{0, 1, 2, 5, 6, 7});
  REQUIRE(text(plan_series(policy, series, {.now_ms = planned_now}).front().reasons.front()) ==
          "minimum until 2026-06-15 12:00 UTC");
  REQUIRE(kept(policy, series, {.now_ms = planned_now, .is_frozen = true}).size() == 8);
}

TEST_CASE("the place of one that a rule has retired is taken over by no extra") {
  Policy policy;
  policy.last = 2;
  std::vector<PlannedSnapshot> series = every(planned_hour, 4);
  PlannedSnapshot extra = taken(9, series[1].started_ms + 60'000);
  extra.matter = "17";
  series.insert(series.begin() + 2, extra);
  REQUIRE(kept(policy, series) == Numbers{9, 2, 3});
  series[0].retirement = series[1].retirement = Retirement::by_rule;
  REQUIRE(kept(policy, series) == Numbers{9, 2, 3});
  // Somebody has retired a place by hand: the next of that hour has it then.
  series[4].retirement = Retirement::otherwise;
  REQUIRE(kept(policy, series) == Numbers{9, 2});
  series[1].retirement = Retirement::otherwise;
  policy.last = 3;
  const std::vector<PlanLine> lines = plan_series(policy, series, {.now_ms = planned_now});
  REQUIRE(lines.front().reasons.front().kind == KeepKind::last);
}

TEST_CASE("the places of a rule are named in English") {
  const auto named = [](std::uint32_t place) {
    return text({.kind = KeepKind::last, .period = "", .place = place, .count = 200});
  };
  REQUIRE(named(1) == "one of the last, 1st of 200");
  REQUIRE(named(22) == "one of the last, 22nd of 200");
  REQUIRE(named(103) == "one of the last, 103rd of 200");
  REQUIRE(named(11) == "one of the last, 11th of 200");
  REQUIRE(named(112) == "one of the last, 112th of 200");
}
