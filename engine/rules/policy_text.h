// Policies as a person writes and reads them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/format/acts/policy.h"
#include "engine/format/acts/snapshots_retired.h"

namespace kist {

// "30d", "12h", "2y5m7d3h": numbers with units, the largest first, each unit at most once:
// y, m (months of the calendar), w, d, h, min, s. Empty for anything else, and where it is longer
// than a policy can say.
std::optional<Period> parse_period(std::string_view text);

// A rule: "14", or a period. Empty for anything else; 0 is no rule.
std::optional<KeepRule> parse_keep_rule(std::string_view text);

// The period in seconds, as the law counts: a year is 366 days, a month 31, so that nothing goes
// before the calendar says so.
std::uint64_t seconds_of(const Period& period);

// "7 y", "30 d", "36 h", as seconds_of() counts; "none" for 0.
std::string span_text(std::uint64_t seconds);
// "2 y 5 m 7 d"; "none" where it is.
std::string period_text(const Period& period);

// "keep daily 14, weekly 8; each at least 1 d; restorable for 7 d once retired; governance; zone
// UTC"
std::string policy_text(const Policy& policy);

// "rule", "maximum", "by hand", "junk"
std::string_view cause_text(RetireCause cause);

}  // namespace kist
