// The hours, days, weeks … that rules of retention choose from, and the intervals that have a
// place.
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/calendar.h"
#include "engine/format/acts/policy.h"
#include "engine/rules/keep_plan.h"

namespace kist {

// The hour, day, week … that an instant is in: a number that grows with time, its own for each
// kind. An hour is one of the clock and its offset, so that the one that an autumn has twice is
// two; a week begins on Monday, as ISO 8601 has it.
std::int64_t period_of(KeepKind kind, const Zone& zone, std::int64_t utc_ms);

// "2026-11-20", "2026-11-20 02:00", "the week of 2026-11-16", "2026-11", "2026 Q4", "2026"
std::string period_text(KeepKind kind, const Zone& zone, std::int64_t utc_ms);

// The interval that an instant is in: a number that grows with time. Those below a day are counted
// from the zone's midnight on, by the time that has gone by since, so that none is of two days;
// from a day on they go by the zone's calendar. Of one of months and seconds the months count, for
// nothing divides the calendar into both.
std::int64_t interval_of(const Period& spacing, const Zone& zone, std::int64_t utc_ms);

// "2026-11-20 02:00 UTC"
std::string minute_text(std::int64_t utc_ms);

}  // namespace kist
