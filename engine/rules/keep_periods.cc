#include "engine/rules/keep_periods.h"

#include "engine/base/bytes.h"

namespace kist {

namespace {

constexpr std::int64_t hour_seconds = 3'600;
constexpr std::int64_t day_seconds = 86'400;
constexpr std::int64_t longest_day_seconds =
    28 * hour_seconds;                // with room for any change of offset
constexpr CivilDay first_monday = 4;  // 1970-01-05

std::int64_t floor_divide(std::int64_t value, std::int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

std::int64_t month_of(const CivilTime& time) {
  return time.year * 12 + time.month - 1;
}

std::string two_digits(std::int64_t value) {
  return concat(value < 10 ? "0" : "", value);
}

}  // namespace

std::int64_t period_of(KeepKind kind, const Zone& zone, std::int64_t utc_ms) {
  const CivilTime time = zone.at(utc_ms);
  switch (kind) {
    case KeepKind::hourly:
      return time.day * day_seconds + time.second / hour_seconds * hour_seconds -
             time.offset_seconds;
    case KeepKind::daily:
      return time.day;
    case KeepKind::weekly:
      return floor_divide(time.day - first_monday, 7);
    case KeepKind::monthly:
      return month_of(time);
    case KeepKind::quarterly:
      return floor_divide(month_of(time), 3);
    default:
      return time.year;
  }
}

std::string period_text(KeepKind kind, const Zone& zone, std::int64_t utc_ms) {
  const CivilTime time = zone.at(utc_ms);
  switch (kind) {
    case KeepKind::hourly:
      return concat(day_text(time.day), " ", two_digits(time.second / hour_seconds), ":00");
    case KeepKind::daily:
      return day_text(time.day);
    case KeepKind::weekly:
      return concat("the week of ",
                    day_text(first_monday + floor_divide(time.day - first_monday, 7) * 7));
    case KeepKind::monthly:
      return day_text(time.day).substr(0, 7);
    case KeepKind::quarterly:
      return concat(time.year, " Q", (time.month - 1) / 3 + 1);
    default:
      return concat(time.year);
  }
}

std::int64_t interval_of(const Period& spacing, const Zone& zone, std::int64_t utc_ms) {
  if (spacing.months > 0) return floor_divide(month_of(zone.at(utc_ms)), spacing.months);
  const CivilTime time = zone.at(utc_ms);
  const std::int64_t seconds =
      spacing.seconds == 0 ? hour_seconds : static_cast<std::int64_t>(spacing.seconds);
  if (seconds % day_seconds == 0) {
    return floor_divide(time.day - first_monday, seconds / day_seconds);
  }
  if (seconds > day_seconds) return floor_divide(utc_ms, seconds * 1000);
  const CivilTime midnight = zone.at(utc_ms - time.second * 1000);
  const std::int64_t since_midnight = time.second + midnight.offset_seconds - time.offset_seconds;
  return time.day * (longest_day_seconds / seconds + 1) + since_midnight / seconds;
}

std::string minute_text(std::int64_t utc_ms) {
  const CivilTime time = Zone("").at(utc_ms);
  return concat(day_text(time.day), " ", two_digits(time.second / hour_seconds), ":",
                two_digits(time.second % hour_seconds / 60), " UTC");
}

}  // namespace kist
