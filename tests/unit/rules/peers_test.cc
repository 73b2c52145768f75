// Kist's planner beside restic, borg, kopia and Proxmox Backup Server: where the rules are the
// same, so is each choice; where they are not, the difference is stated here to the snapshot.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <ostream>

#include "tests/support/test.h"
#include "tests/unit/rules/peers_fixture.h"

namespace kist::test::peers {

namespace {

constexpr std::int64_t peer_hour = 3'600;
constexpr std::int64_t peer_day = 24 * peer_hour;

// Five years to 2025-10-31, mostly every hour of the day at 20 past: a machine that is off at night
// and on Sundays, but not in the weeks in which clocks change, nor on leap days and at the end;
// with two weeks away each summer, and nothing in February 2022.
Times made_five_years() {
  using namespace std::chrono;
  Times out;
  const sys_seconds end = sys_days(2025y / October / 31) + hours(20);
  for (sys_seconds at = sys_days(2020y / November / 1) + minutes(20); at < end; at += hours(1)) {
    const std::int64_t utc = at.time_since_epoch().count();
    const sys_seconds shown{seconds(berlin_clock(utc))};
    const sys_days day = floor<days>(shown);
    const year_month_day date(day);
    const bool is_away = date.month() == August && unsigned(date.day()) <= 14;
    if (is_away || date.year() / date.month() == 2022y / February) continue;
    const bool is_change = (date.month() == March || date.month() == October) &&
                           weekday(day) == Sunday && unsigned(date.day()) >= 25;
    const bool is_all_day = is_change || date == 2024y / February / 29 || end - shown < days(8);
    const auto hour = (shown - day) / hours(1);
    if (is_all_day || (weekday(day) != Sunday && hour >= 7 && hour < 19)) out.push_back(utc);
  }
  return out;
}

const Times& five_years() {
  static const Times out = made_five_years();
  return out;
}

// "2025-10-26 02:20", as Berlin's clocks show it.
std::vector<std::string> shown(const Times& times, const Choice& choice) {
  using namespace std::chrono;
  std::vector<std::string> out;
  for (const std::size_t i : choice) {
    const sys_seconds at{seconds(berlin_clock(times[i]))};
    const year_month_day date(floor<days>(at));
    const auto minute = (at - floor<days>(at)) / minutes(1);
    std::array<char, 32> text{};
    static_cast<void>(std::snprintf(text.data(), text.size(), "%d-%02u-%02u %02d:%02d",
                                    int(date.year()), unsigned(date.month()), unsigned(date.day()),
                                    int(minute / 60), int(minute % 60)));
    out.emplace_back(text.data());
  }
  return out;
}

struct Difference {
  std::vector<std::string> more;  // that Kist alone keeps
  std::vector<std::string> less;  // that the peer alone keeps
  bool operator==(const Difference&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Difference& difference) {
  for (const std::string& each : difference.more) {
    out << "\n  only Kist: " << each;
  }
  for (const std::string& each : difference.less) {
    out << "\n  only the peer: " << each;
  }
  return out << "\n";
}

Difference difference(const Times& times, const Choice& peer, const Choice& own) {
  return {.more = shown(times, without(own, peer)), .less = shown(times, without(peer, own))};
}

// What Kist, asked right after the newest snapshot, keeps otherwise than a peer.
Difference difference(const Times& times, const Choice& peer, const Rules& rules) {
  return difference(times, peer, plan_of(times, rules));
}

// The snapshots of five years that were taken before.
Times until(const std::chrono::sys_seconds& end) {
  Times out = five_years();
  std::erase_if(out, [&](std::int64_t at) { return at >= end.time_since_epoch().count(); });
  return out;
}

const Difference same;
const Rules common_rules{{Unit::hour, 24}, {Unit::day, 7}, {Unit::week, 4}, {Unit::month, 12}};

}  // namespace

TEST_CASE("restic's counts keep the same snapshots with Kist, each alone and all together") {
  const Times& times = five_years();
  const Rules each{{Unit::each, 5}, {Unit::hour, 48},  {Unit::day, 30},
                   {Unit::week, 9}, {Unit::month, 24}, {Unit::year, 4}};
  REQUIRE(difference(times, restic(times, each), each) == same);
  for (const Rule& rule : each) {
    for (const int count : {1, rule.count, 400, all}) {
      // Of more hours: below, for there is one that is twice.
      if (rule.unit == Unit::hour && count != 1 && count != 48) continue;
      const Rules alone{{rule.unit, count}};
      REQUIRE(difference(times, restic(times, alone), alone) == same);
    }
  }
}

TEST_CASE("through leap days, new years and the night that loses an hour all count alike") {
  using namespace std::chrono;
  // The end of 2024's February, Monday behind a change to summer time, and 53 ISO weeks of 2020.
  for (const sys_days end : {sys_days(2024y / March / 1), sys_days(2025y / March / 31),
                             sys_days(2021y / January / 5), sys_days(2023y / January / 2)}) {
    const Times times = until(end + hours(12));
    for (const Unit unit : {Unit::each, Unit::hour, Unit::day, Unit::week, Unit::month}) {
      const Rules rules{{unit, 40}};
      const Choice own = plan_of(times, rules);
      REQUIRE(difference(times, restic(times, rules), own) == same);
      REQUIRE(difference(times, borg1(times, rules), own) == same);
      REQUIRE(difference(times, borg2(times, rules), own) == same);
    }
  }
}

TEST_CASE("the hour that an autumn night has twice is one for restic, borg and Proxmox") {
  // Clocks went back in the night to 2025-10-26. Kist keeps an hour of 02:00 in summer time and one
  // in winter time; the others take the clock's word, keep the later, and reach an hour further.
  const Times& times = five_years();
  const Rules rules{{Unit::hour, 150}};
  const Difference expected{.more = {"2025-10-26 02:20"}, .less = {"2025-10-25 15:20"}};
  REQUIRE(difference(times, restic(times, rules), rules) == expected);
  REQUIRE(difference(times, borg1(times, rules), rules) == expected);
  REQUIRE(difference(times, borg2(times, rules), rules) == expected);
  REQUIRE(difference(times, proxmox(times, rules), rules) == expected);
  REQUIRE(difference(times, kopia(times, rules), rules) == same);
}

TEST_CASE(
    "the oldest stays while the coarsest rule is not full, with restic and borg as with Kist") {
  const Times& times = five_years();
  const Rules years{{Unit::day, 7}, {Unit::year, 10}};
  REQUIRE(difference(times, restic(times, years), years) == same);
  REQUIRE(difference(times, borg1(times, years), years) == same);
  REQUIRE(difference(times, borg2(times, years), years) == same);
  // Proxmox has no such rule.
  const Difference oldest{.more = {"2020-11-02 07:20"}, .less = {}};
  REQUIRE(difference(times, proxmox(times, years), years) == oldest);
}

TEST_CASE(
    "a finer rule that is not full keeps the oldest with restic and borg, and not with Kist") {
  // 5000 days are not full, two years are: Kist goes by the coarsest rule. With borg 2, which does
  // so too, that rule never fills: the days have all that it would keep.
  const Times& times = five_years();
  const Rules days{{Unit::day, 5000}, {Unit::year, 2}};
  const Difference oldest{.more = {}, .less = {"2020-11-02 07:20"}};
  REQUIRE(difference(times, restic(times, days), days) == oldest);
  REQUIRE(difference(times, borg1(times, days), days) == oldest);
  REQUIRE(difference(times, borg2(times, days), days) == oldest);
}

TEST_CASE("borg counts for a rule only what no finer rule keeps, so it keeps more than Kist") {
  const Times& times = five_years();
  const Choice its = borg1(times, common_rules);
  REQUIRE(borg2(times, common_rules) == its);
  // Behind the newest two days, two weeks and the month that finer rules have kept.
  const Difference expected{.more = {},
                            .less = {"2024-10-31 18:20", "2025-09-27 18:20", "2025-10-04 18:20",
                                     "2025-10-23 23:20", "2025-10-24 23:20"}};
  REQUIRE(difference(times, its, common_rules) == expected);
  // With as many added to the counts, Kist keeps just what borg does.
  const Rules raised{{Unit::hour, 24}, {Unit::day, 9}, {Unit::week, 6}, {Unit::month, 13}};
  REQUIRE(difference(times, its, raised) == same);
}

TEST_CASE("borg's quarters of three months are Kist's, and those of thirteen weeks are not") {
  const Times& times = five_years();
  const Rules months{{Unit::quarter, 7}};
  REQUIRE(difference(times, borg1(times, months), months) == same);
  REQUIRE(difference(times, borg2(times, months), months) == same);
  // Thirteen ISO weeks end on a Sunday near the quarter's end, up to a week away.
  const Rules weeks{{Unit::thirteen_weeks, 7}};
  const Difference expected{.more = {"2024-09-30 18:20", "2024-12-31 18:20", "2025-03-31 18:20",
                                     "2025-06-30 18:20", "2025-09-30 18:20"},
                            .less = {"2024-09-28 18:20", "2024-12-28 18:20", "2025-03-30 23:20",
                                     "2025-06-28 18:20", "2025-09-27 18:20"}};
  REQUIRE(difference(times, borg1(times, weeks), weeks) == expected);
  REQUIRE(difference(times, borg2(times, weeks), weeks) == expected);
}

TEST_CASE("Proxmox begins a rule behind the periods that finer rules cover") {
  const Times& times = five_years();
  REQUIRE(difference(times, proxmox(times, {{Unit::day, 7}}), {{Unit::day, 7}}) == same);
  // As borg, it goes on behind what is kept. But September is covered for it by the week of its
  // 27th: so it does not have the last of September, and goes on to the September before.
  const Difference expected{.more = {"2025-09-30 18:20"},
                            .less = {"2024-09-30 18:20", "2024-10-31 18:20", "2025-09-27 18:20",
                                     "2025-10-04 18:20", "2025-10-23 23:20", "2025-10-24 23:20"}};
  REQUIRE(difference(times, proxmox(times, common_rules), common_rules) == expected);
}

TEST_CASE("kopia's default keeps the same with Kist in a policy whose zone is UTC") {
  const Times& times = five_years();
  const Rules rules{{Unit::each, 10}, {Unit::hour, 48},  {Unit::day, 7},
                    {Unit::week, 4},  {Unit::month, 24}, {Unit::year, 3}};
  const Choice its = kopia(times, rules);
  Policy policy = policy_of(rules, times.back());
  policy.zone = "";
  REQUIRE(difference(times, its, plan_of(times, policy, times.back())) == same);
  // In Berlin's zone a day ends an hour or two earlier.
  const Difference expected{
      .more = {"2025-10-25 23:20", "2025-10-26 23:20", "2025-10-27 23:20", "2025-10-28 23:20"},
      .less = {"2025-10-26 01:20", "2025-10-27 00:20", "2025-10-28 00:20", "2025-10-29 00:20"}};
  REQUIRE(difference(times, its, rules) == expected);
}

TEST_CASE("kopia's counts end by the calendar as well, and Kist's only by snapshots") {
  using namespace std::chrono;
  // A week back from holidays that took two: of 20 days that have any, 14 are older than 20 days.
  const Times times = until(sys_days(2025y / August / 22));
  const Rules rules{{Unit::day, 20}};
  Policy policy = policy_of(rules, times.back());
  policy.zone = "";
  const Difference expected{
      .more = {"2025-07-16 18:20", "2025-07-17 18:20", "2025-07-18 18:20", "2025-07-19 18:20",
               "2025-07-21 18:20", "2025-07-22 18:20", "2025-07-23 18:20", "2025-07-24 18:20",
               "2025-07-25 18:20", "2025-07-26 18:20", "2025-07-28 18:20", "2025-07-29 18:20",
               "2025-07-30 18:20", "2025-07-31 18:20"},
      .less = {}};
  REQUIRE(difference(times, kopia(times, rules), plan_of(times, policy, times.back())) == expected);
  // A window in place of the count: the same.
  policy.daily = {.count = 0, .window = {.months = 0, .seconds = 20 * peer_day}};
  REQUIRE(difference(times, kopia(times, rules), plan_of(times, policy, times.back())) == same);
}

TEST_CASE("a time within which all is kept reaches its first instant, as borg 2's does") {
  const Times& times = five_years();
  const Rules rules{{.unit = Unit::each, .count = 0, .since = times.back() - 5 * peer_day}};
  REQUIRE(difference(times, borg2(times, rules), rules) == same);
  // restic and borg 1.4 keep what is younger; one snapshot is just as old as that.
  const Difference first{.more = {"2025-10-26 20:20"}, .less = {}};
  REQUIRE(difference(times, restic(times, rules), rules) == first);
  REQUIRE(difference(times, borg1(times, rules), rules) == first);
}

TEST_CASE("the day, week or month in which a window begins counts for Kist, whatever its time") {
  // The others look at nothing that is older than the window; and restic, as borg 2 for its
  // coarsest rule, would keep the oldest of all if the window reached it.
  const Times& times = five_years();
  const std::int64_t since = times.back() - 10 * peer_day;  // 2025-10-21 20:20 in summer time
  const Rules days{{.unit = Unit::day, .count = 0, .since = since}};
  const Difference first{.more = {"2025-10-21 18:20"}, .less = {}};
  REQUIRE(difference(times, restic(times, days), days) == first);
  REQUIRE(difference(times, borg2(times, days), days) == first);
  const Rules months{{.unit = Unit::month, .count = 0, .since = times.back() - 700 * peer_day}};
  REQUIRE(difference(times, restic(times, months), months) == same);
  REQUIRE(difference(times, borg2(times, months), months) == same);
  const Rules years{{.unit = Unit::year, .count = 0, .since = times.front() - peer_day}};
  const Difference oldest{.more = {}, .less = {"2020-11-02 07:20"}};
  REQUIRE(difference(times, restic(times, years), years) == oldest);
  REQUIRE(difference(times, borg2(times, years), years) == oldest);
}

TEST_CASE("windows go on while nothing is backed up, unlike restic's, but never past the newest") {
  const Times& times = five_years();
  const std::int64_t now = times.back() + 30 * peer_day;
  const Rules rules{{.unit = Unit::each, .count = 0, .since = times.back() - 10 * peer_day}};
  const Rules as_of_now{{.unit = Unit::each, .count = 0, .since = now - 10 * peer_day}};
  const Choice own = plan_of(times, policy_of(as_of_now, now), now);
  REQUIRE(own == Choice{times.size() - 1});
  REQUIRE(restic(times, rules).size() == 218);
  // borg would keep nothing at all.
  REQUIRE(borg1(times, as_of_now).empty());
  REQUIRE(borg2(times, as_of_now).empty());
}

TEST_CASE("a month before 31 May is 30 April, where for restic and kopia it is 1 May") {
  using namespace std::chrono;
  const Times times = until(sys_days(2025y / June / 1));  // Saturday 2025-05-31 18:20 is the newest
  Policy policy;
  policy.zone = "Europe/Berlin";
  policy.within.months = 1;
  const sys_seconds may = sys_days(2025y / May / 1) + hours(16) + minutes(20);
  const std::int64_t since = may.time_since_epoch().count();
  REQUIRE(months_before(times.back(), 1) == since);
  const Choice its = restic(times, {{.unit = Unit::each, .count = 0, .since = since}});
  const Choice own = plan_of(times, policy, times.back());
  // restic's first is of a Friday: 1 May's snapshots, until 18:20, are all a month old.
  REQUIRE(shown(times, its).front() == "2025-05-02 07:20");
  REQUIRE(shown(times, own).front() == "2025-04-30 18:20");
  REQUIRE(own.size() == its.size() + 13);
}

TEST_CASE("of several snapshots an hour Kist counts the first, unless they are expected") {
  Times times;
  for (std::int64_t i = 0; i < 40; ++i) {
    times.push_back(five_years().front() + i * peer_hour / 4);
  }
  const Rules rules{{Unit::each, 3}, {Unit::hour, 4}};
  const Choice its = restic(times, rules);
  const Difference expected{
      .more = {"2020-11-02 14:05", "2020-11-02 15:05", "2020-11-02 16:05"},
      .less = {"2020-11-02 14:50", "2020-11-02 15:50", "2020-11-02 16:35", "2020-11-02 16:50"}};
  REQUIRE(difference(times, its, rules) == expected);
  Policy policy = policy_of(rules, times.back());
  policy.interval.seconds = 900;
  REQUIRE(difference(times, its, plan_of(times, policy, times.back())) == same);
}

}  // namespace kist::test::peers
