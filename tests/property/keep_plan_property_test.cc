// What holds of every plan, over histories with gaps, extras, times put back, partial, damaged and
// marked snapshots, in zones with and without summer time.
#include <algorithm>
#include <functional>
#include <set>

#include <rapidcheck.h>

#include "engine/rules/keep_plan.h"
#include "tests/support/test.h"

using namespace kist;

namespace {

constexpr std::int64_t minute_ms = 60'000;
constexpr std::int64_t history_begin = 1'700'000'000'000;  // in November 2023

struct History {
  Policy policy;
  std::vector<PlannedSnapshot> series;
  PlanOptions options;
};

bool happens(int percent) {
  return *rc::gen::inRange(0, 100) < percent;
}

KeepRule some_rule() {
  if (happens(50)) return {};
  if (happens(70)) return {.count = *rc::gen::inRange(1U, 8U)};
  return {.count = 0,
          .window = {.months = *rc::gen::inRange(0U, 3U),
                     .seconds = *rc::gen::inRange(std::uint64_t{1}, std::uint64_t{2'000'000})}};
}

Policy some_policy() {
  Policy out;
  out.zone = *rc::gen::element<std::string>("", "Europe/Berlin", "America/St_Johns",
                                            "Pacific/Auckland", "Asia/Kathmandu");
  out.last = happens(50) ? *rc::gen::inRange(0U, 6U) : 0;
  for (KeepRule* rule :
       {&out.hourly, &out.daily, &out.weekly, &out.monthly, &out.quarterly, &out.yearly}) {
    *rule = some_rule();
  }
  const auto spacing = *rc::gen::element<std::uint64_t>(0, 1'800, 21'600, 86'400, 604'800);
  out.interval.seconds = spacing;
  return out;
}

SnapshotId some_id(std::size_t number) {
  SnapshotId out;
  out.bytes[0] = static_cast<std::uint8_t>(number >> 8U);
  out.bytes[1] = static_cast<std::uint8_t>(number & 0xffU);
  return out;
}

// Snapshots of an honest client: minutes to weeks apart, each of a later time.
std::vector<PlannedSnapshot> some_series(std::size_t count) {
  std::vector<PlannedSnapshot> out;
  std::int64_t at = history_begin;
  for (std::size_t i = 0; i < count; ++i) {
    const auto most = *rc::gen::element<std::int64_t>(50, 400, 3'000, 50'000);
    at += minute_ms * *rc::gen::inRange<std::int64_t>(1, most);
    out.push_back({.id = some_id(i), .started_ms = at, .is_partial = happens(15)});
  }
  return out;
}

History some_history() {
  History out{.policy = some_policy(),
              .series = some_series(*rc::gen::inRange<std::size_t>(1, 60))};
  out.options.now_ms =
      out.series.back().started_ms + minute_ms * *rc::gen::inRange<std::int64_t>(0, 100'000);
  return out;
}

// What somebody who has the client's key adds: anything.
void add_doubtful(History& history) {
  const std::size_t count = *rc::gen::inRange<std::size_t>(1, 20);
  for (std::size_t i = 0; i < count; ++i) {
    const auto place = *rc::gen::inRange<std::size_t>(0, history.series.size() + 1);
    const std::int64_t last = place == 0 ? history_begin : history.series[place - 1].started_ms;
    PlannedSnapshot more{.id = some_id(1000 + i), .started_ms = last, .is_partial = happens(30)};
    switch (*rc::gen::inRange(0, 3)) {
      case 0:
        more.is_hurt = true;
        break;
      case 1:
        more.is_suspicious = true;
        break;
      default:
        if (place == 0) continue;
        more.started_ms = last - minute_ms * *rc::gen::inRange<std::int64_t>(1, 500'000);
    }
    history.series.insert(history.series.begin() + static_cast<std::ptrdiff_t>(place), more);
  }
}

void add_floors(History& history) {
  for (PlannedSnapshot& each : history.series) {
    if (happens(5)) each.matter = "17";
    if (happens(20)) each.minimum_ms = each.started_ms + 500'000 * minute_ms;
    if (happens(10)) each.maximum_ms = each.started_ms + 900'000 * minute_ms;
  }
}

std::set<SnapshotId> kept_of(const History& history) {
  std::set<SnapshotId> out;
  for (const PlanLine& line : plan_series(history.policy, history.series, history.options)) {
    if (line.is_kept()) out.insert(line.snapshot);
  }
  return out;
}

// As restic and borg do it: from the newest back, the first of each period that is met.
std::set<SnapshotId> newest_of_periods(
    const History& history,
    std::uint32_t count,
    const std::function<std::int64_t(const CivilTime&)>& period) {
  const Zone zone(history.policy.zone);
  std::set<SnapshotId> out;
  std::optional<std::int64_t> last;
  for (std::size_t i = history.series.size(); i-- > 0;) {
    const PlannedSnapshot& each = history.series[i];
    const std::int64_t id = period(zone.at(each.started_ms));
    if (last == id) continue;
    if (count == 0) break;
    out.insert(each.id);
    last = id;
    --count;
  }
  return out;
}

}  // namespace

TEST_CASE("a plan that was carried out leaves nothing for a second one at the same time") {
  REQUIRE(rc::check([] {
    History history = some_history();
    add_doubtful(history);
    add_floors(history);
    const std::set<SnapshotId> kept = kept_of(history);
    for (const PlanLine& line : plan_series(history.policy, history.series, history.options)) {
      if (line.is_kept()) continue;
      const auto gone = std::ranges::find(history.series, line.snapshot, &PlannedSnapshot::id);
      gone->retirement = line.is_past_maximum ? Retirement::otherwise : Retirement::by_rule;
    }
    RC_ASSERT(kept_of(history) == kept);
  }));
}

TEST_CASE("what is held or younger than its minimum is never retired") {
  REQUIRE(rc::check([] {
    History history = some_history();
    add_doubtful(history);
    add_floors(history);
    const std::set<SnapshotId> kept = kept_of(history);
    for (const PlannedSnapshot& each : history.series) {
      const bool is_bound =
          each.matter || (each.minimum_ms && history.options.now_ms < *each.minimum_ms);
      RC_ASSERT(!is_bound || kept.contains(each.id));
    }
  }));
}

TEST_CASE("what stands beside the line pushes nothing out that would have been kept") {
  REQUIRE(rc::check([] {
    History history = some_history();
    const std::set<SnapshotId> kept = kept_of(history);
    add_doubtful(history);
    const std::set<SnapshotId> with = kept_of(history);
    RC_ASSERT(std::ranges::includes(with, kept));
  }));
}

TEST_CASE("what stands beside the line is kept as if it stood alone in it at its time") {
  REQUIRE(rc::check([] {
    History history = some_history();
    history.policy.within = {};
    const auto place = *rc::gen::inRange<std::size_t>(0, history.series.size());
    PlannedSnapshot more = history.series[place];
    more.id = some_id(5000);
    more.is_partial = happens(50);
    more.started_ms += minute_ms * *rc::gen::inRange<std::int64_t>(-2'000, 2'000);
    if (more.started_ms > history.options.now_ms) return;
    History alone = history;
    more.is_hurt = true;
    history.series.push_back(more);
    more.is_hurt = false;
    alone.series.push_back(more);
    std::ranges::stable_sort(alone.series, {}, &PlannedSnapshot::started_ms);
    const auto by_rule = [&](const History& each) {
      for (const PlanLine& line : plan_series(each.policy, each.series, each.options)) {
        if (line.snapshot != more.id) continue;
        return std::ranges::any_of(
            line.reasons, [](const KeepReason& reason) { return reason.kind != KeepKind::newest; });
      }
      return false;
    };
    RC_ASSERT(by_rule(history) == by_rule(alone));
  }));
}

TEST_CASE("however many snapshots are added in an interval that has one, no other is pushed out") {
  REQUIRE(rc::check([] {
    History history = some_history();
    const std::set<SnapshotId> kept = kept_of(history);
    // What is kept as the newest whole one is so no more once there is a newer one.
    const auto newest = std::find_if(history.series.rbegin(), history.series.rend(),
                                     [](const PlannedSnapshot& each) { return !each.is_partial; });
    const std::int64_t until = newest == history.series.rend() ? history_begin : newest->started_ms;
    // Behind a whole first one of an interval, each of a later time, before the next snapshot.
    std::vector<PlannedSnapshot> more;
    for (const PlannedSnapshot& each : history.series) {
      more.push_back(each);
      if (each.is_partial || each.started_ms >= until || !happens(30)) continue;
      for (std::int64_t i = 1; i < 4; ++i) {
        PlannedSnapshot extra = each;
        extra.id = some_id(2000 + more.size());
        extra.started_ms = each.started_ms + i;
        more.push_back(extra);
      }
    }
    history.series = more;
    RC_ASSERT(std::ranges::includes(kept_of(history), kept));
  }));
}

TEST_CASE("where each snapshot has an interval of its own, rules choose as others' rules do") {
  REQUIRE(rc::check([] {
    History history = some_history();
    history.policy = {.last = 0, .zone = history.policy.zone, .interval = {.seconds = 1}};
    for (PlannedSnapshot& each : history.series) {
      each.is_partial = false;
    }
    history.policy.daily.count = *rc::gen::inRange(0U, 10U);
    history.policy.monthly.count = *rc::gen::inRange(0U, 5U);
    if (history.policy.daily.count + history.policy.monthly.count == 0) return;
    std::set<SnapshotId> expected = newest_of_periods(
        history, history.policy.daily.count, [](const CivilTime& time) { return time.day; });
    const std::set<SnapshotId> months =
        newest_of_periods(history, history.policy.monthly.count,
                          [](const CivilTime& time) { return time.year * 12 + time.month; });
    expected.insert(months.begin(), months.end());
    expected.insert(history.series.back().id);
    const bool is_monthly = history.policy.monthly.count > 0;
    const bool is_full = is_monthly ? months.size() == history.policy.monthly.count
                                    : expected.size() >= history.policy.daily.count;
    if (!is_full) expected.insert(history.series.front().id);
    RC_ASSERT(kept_of(history) == expected);
  }));
}
