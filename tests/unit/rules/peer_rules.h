// The documented keep rules of other backup programs, each written down once more, alone, so that
// what Kist's planner keeps can be compared with them. Nothing here uses the engine.
//
// All go from the newest snapshot to the oldest, keep the newest of a period, and begin weeks on
// Monday. What they count, where they stop and what they keep of the oldest is their own.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace kist::test::peers {

using Times = std::vector<std::int64_t>;  // seconds since 1970, UTC, ascending
using Choice = std::set<std::size_t>;     // numbers of those that are kept

enum class Unit : std::uint8_t {
  each,  // a period for each snapshot
  hour,
  day,
  week,
  month,
  thirteen_weeks,
  quarter,
  year,
};

constexpr int all = -1;

// A rule keeps one of each of the newest `count` periods, or of those that begin no earlier than
// `since`.
struct Rule {
  Unit unit = Unit::each;
  int count = 0;
  std::optional<std::int64_t> since{};
};

using Rules = std::vector<Rule>;  // from the finest to the coarsest

// The seconds that a clock shows at an instant, counted as if it stood at UTC.
using Clock = std::function<std::int64_t(std::int64_t)>;

inline std::int64_t utc_clock(std::int64_t utc) {
  return utc;
}

// Summer time, from the last Sunday of March to that of October, both at 01:00 UTC.
inline std::int64_t berlin_clock(std::int64_t utc) {
  using namespace std::chrono;
  const sys_seconds at{seconds(utc)};
  const year_month_day date(floor<days>(at));
  const sys_seconds begin = sys_days(date.year() / March / Sunday[last]) + hours(1);
  const sys_seconds end = sys_days(date.year() / October / Sunday[last]) + hours(1);
  return utc + (begin <= at && at < end ? 7'200 : 3'600);
}

// The period that a snapshot is in, as a number. `shown` is what its clock shows: the hour that a
// night of autumn has twice is one where clocks are gone by, and two by UTC.
inline std::int64_t period(const Rule& rule, std::int64_t shown, std::size_t number) {
  using namespace std::chrono;
  const sys_days day = floor<days>(sys_seconds(seconds(shown)));
  const year_month_day date(day);
  const auto in_year = [](std::int64_t year, std::int64_t parts, std::int64_t part) {
    return year * parts + part;
  };
  const sys_days monday = day - (weekday(day) - Monday);
  switch (rule.unit) {
    case Unit::each:
      return static_cast<std::int64_t>(number);
    case Unit::hour:
      return shown / 3'600;
    case Unit::day:
      return day.time_since_epoch().count();
    case Unit::week:
      return monday.time_since_epoch().count();
    case Unit::month:
      return in_year(int(date.year()), 12, unsigned(date.month()) - 1);
    case Unit::quarter:
      return in_year(int(date.year()), 4, (unsigned(date.month()) - 1) / 3);
    case Unit::thirteen_weeks: {
      // The ISO week has the year of its Thursday; a 53rd belongs to the last quarter.
      const sys_days thursday = monday + days(3);
      const year_month_day its(thursday);
      const auto week = (thursday - sys_days(its.year() / January / 1)).count() / 7;
      return in_year(int(its.year()), 4, std::min<std::int64_t>(week / 13, 3));
    }
    case Unit::year:
      break;
  }
  return int(date.year());
}

// restic 0.18, "Removing backup snapshots": each rule for itself, a snapshot stays for any. A rule
// with count left keeps the oldest too, and so does a window that reaches it. A window is open at
// its beginning, and counts back from the newest snapshot.
inline Choice restic(const Times& times, const Rules& rules) {
  Choice kept;
  for (const Rule& rule : rules) {
    int left = rule.count;
    std::optional<std::int64_t> latest;
    for (std::size_t i = times.size(); i-- > 0;) {
      if (rule.since ? times[i] <= *rule.since : left == 0) break;
      const std::int64_t id = period(rule, berlin_clock(times[i]), i);
      if (id == latest && i > 0) continue;
      latest = id;
      kept.insert(i);
      if (left > 0) --left;
    }
  }
  return kept;
}

// borg 1.4, "borg prune": the finer rule first. What it keeps does not count for a coarser one, but
// stands for its period there. A rule that is not full keeps the oldest. --keep-within comes before
// all, and counts back from now. --keep-last is --keep-secondly.
inline Choice borg1(const Times& times, const Rules& rules) {
  Choice kept;
  for (const Rule& rule : rules) {
    if (rule.since) {
      for (std::size_t i = 0; i < times.size(); ++i) {
        if (times[i] > *rule.since) kept.insert(i);
      }
      continue;
    }
    int count = 0;
    std::optional<std::int64_t> latest;
    for (std::size_t i = times.size(); i-- > 0 && count != rule.count;) {
      const std::int64_t id = period(rule, berlin_clock(times[i]), i);
      if (id == latest) continue;
      latest = id;
      if (kept.insert(i).second) ++count;
    }
    if (count < rule.count && !times.empty()) kept.insert(0);
  }
  return kept;
}

// borg 2: as borg 1.4, but each rule may have a window, closed at its beginning, that counts back
// from now, and only the coarsest rule keeps the oldest.
inline Choice borg2(const Times& times, const Rules& rules) {
  Choice kept;
  for (std::size_t each = 0; each < rules.size(); ++each) {
    const Rule& rule = rules[each];
    int count = 0;
    const auto is_reached = [&](std::size_t i) {
      if (rule.since) return times[i] >= *rule.since;
      return rule.count == all || count < rule.count;
    };
    std::optional<std::int64_t> latest;
    for (std::size_t i = times.size(); i-- > 0 && is_reached(i);) {
      const std::int64_t id = period(rule, berlin_clock(times[i]), i);
      if (id == latest) continue;
      latest = id;
      if (kept.insert(i).second) ++count;
    }
    const bool is_coarsest = each + 1 == rules.size();
    if (is_coarsest && !times.empty() && is_reached(0)) kept.insert(0);
  }
  return kept;
}

// The same clock time so many months earlier by UTC; the 31st of a month of 30 days is the first of
// the next one.
inline std::int64_t months_before(std::int64_t utc, int count) {
  using namespace std::chrono;
  const sys_seconds at{seconds(utc)};
  const sys_days day = floor<days>(at);
  const year_month_day date(day);
  const year_month_day first = date.year() / date.month() / 1;
  const sys_days begin(first - months(count));
  const sys_seconds out = begin + (day - sys_days(first)) + (at - day);
  return out.time_since_epoch().count();
}

// kopia 0.23, "Retention": each rule for itself, by UTC, and both by count and by time: what is
// older than the newest less so many hours, days … counts for nothing. No oldest.
inline Choice kopia(const Times& times, const Rules& rules) {
  constexpr std::int64_t day = 86'400;
  Choice kept;
  for (const Rule& rule : rules) {
    const std::int64_t count = rule.count;
    std::int64_t cutoff = std::numeric_limits<std::int64_t>::min();
    if (rule.unit == Unit::hour) cutoff = times.back() - count * (day / 24);
    if (rule.unit == Unit::day) cutoff = times.back() - count * day;
    if (rule.unit == Unit::week) cutoff = times.back() - count * 7 * day;
    if (rule.unit == Unit::month) cutoff = months_before(times.back(), rule.count);
    if (rule.unit == Unit::year) cutoff = months_before(times.back(), 12 * rule.count);
    std::set<std::int64_t> periods;
    for (std::size_t i = times.size(); i-- > 0;) {
      if (times[i] < cutoff || periods.size() == static_cast<std::size_t>(rule.count)) break;
      if (periods.insert(period(rule, times[i], i)).second) kept.insert(i);
    }
  }
  return kept;
}

// Proxmox Backup Server 4, "Pruning": the finer rule first; the next one looks only at periods of
// which nothing is kept yet, and so begins behind what the finer ones have covered. No oldest.
inline Choice proxmox(const Times& times, const Rules& rules) {
  Choice kept;
  std::set<std::size_t> removed;
  for (const Rule& rule : rules) {
    const auto id_of = [&](std::size_t i) { return period(rule, berlin_clock(times[i]), i); };
    std::set<std::int64_t> covered;
    for (const std::size_t i : kept) {
      covered.insert(id_of(i));
    }
    std::set<std::int64_t> periods;
    for (std::size_t i = times.size(); i-- > 0;) {
      if (kept.contains(i) || removed.contains(i) || covered.contains(id_of(i))) continue;
      if (periods.contains(id_of(i))) {
        removed.insert(i);
      } else if (periods.size() == static_cast<std::size_t>(rule.count)) {
        break;
      } else {
        periods.insert(id_of(i));
        kept.insert(i);
      }
    }
  }
  return kept;
}

}  // namespace kist::test::peers
