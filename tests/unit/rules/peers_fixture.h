// Kist's planner, asked for what the rules of peer_rules.h say.
#pragma once

#include <algorithm>
#include <iterator>

#include "engine/rules/keep_plan.h"
#include "tests/unit/rules/peer_rules.h"

namespace kist::test::peers {

inline SnapshotId peer_id(std::size_t number) {
  SnapshotId out;
  out.bytes[0] = static_cast<std::uint8_t>(number >> 8U);
  out.bytes[1] = static_cast<std::uint8_t>(number & 0xffU);
  return out;
}

inline KeepRule* rule_of(Policy& policy, Unit unit) {
  switch (unit) {
    case Unit::hour:
      return &policy.hourly;
    case Unit::day:
      return &policy.daily;
    case Unit::week:
      return &policy.weekly;
    case Unit::month:
      return &policy.monthly;
    case Unit::thirteen_weeks:
    case Unit::quarter:
      return &policy.quarterly;
    default:
      return &policy.yearly;
  }
}

// The policy that has these rules, as far as Kist can say them.
inline Policy policy_of(const Rules& rules, std::int64_t now) {
  Policy out;
  out.zone = "Europe/Berlin";
  for (const Rule& rule : rules) {
    const std::uint32_t count =
        rule.count == all ? UINT32_MAX : static_cast<std::uint32_t>(rule.count);
    Period window;
    if (rule.since) window.seconds = static_cast<std::uint64_t>(now - *rule.since);
    if (rule.unit != Unit::each) {
      *rule_of(out, rule.unit) = {.count = count, .window = window};
    } else if (rule.since) {
      out.within = window;
    } else {
      out.last = count;
    }
  }
  return out;
}

inline Choice plan_of(const Times& times, const Policy& policy, std::int64_t now) {
  std::vector<PlannedSnapshot> series;
  for (std::size_t i = 0; i < times.size(); ++i) {
    series.push_back({.id = peer_id(i), .started_ms = times[i] * 1000});
  }
  Choice out;
  for (const PlanLine& line : plan_series(policy, series, {.now_ms = now * 1000})) {
    if (line.is_kept()) out.insert(line.snapshot.bytes[0] * 256U + line.snapshot.bytes[1]);
  }
  return out;
}

// Right after the newest snapshot.
inline Choice plan_of(const Times& times, const Rules& rules) {
  return plan_of(times, policy_of(rules, times.back()), times.back());
}

inline Choice without(const Choice& from, const Choice& these) {
  Choice out;
  std::ranges::set_difference(from, these, std::inserter(out, out.end()));
  return out;
}

}  // namespace kist::test::peers
