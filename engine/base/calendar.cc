#include "engine/base/calendar.h"

#include <algorithm>
#include <chrono>

#include <date/tz.h>

#include "engine/base/bytes.h"
#include "engine/base/error.h"

namespace kist {

namespace {

constexpr std::int64_t seconds_a_day = 86'400;
// Years that the library counts in: further off nothing is told apart.
constexpr std::int64_t seconds_max = std::int64_t{30'000} * 366 * seconds_a_day;

std::int64_t floor_divide(std::int64_t value, std::int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

date::sys_seconds instant_of(std::int64_t utc_ms) {
  const std::int64_t seconds = std::clamp(floor_divide(utc_ms, 1000), -seconds_max, seconds_max);
  return date::sys_seconds(std::chrono::seconds(seconds));
}

const date::time_zone* find_zone(const std::string& name) {
  if (name.empty() || name == "UTC") return nullptr;
  try {
    static_cast<void>(date::get_tzdb());
  } catch (const std::exception& failure) {
    throw Error(Code::failed, concat("this machine has no data of time zones (", failure.what(),
                                     "); install the package tzdata"));
  }
  try {
    return date::locate_zone(name);
  } catch (const std::exception&) {
    throw Error(Code::invalid,
                concat("there is no time zone ", name,
                       "; a name is like Europe/Berlin (timedatectl list-timezones)"));
  }
}

// Debian's library reads no rule for the years behind the table of a zone, which ends with 2037. A
// day of a later year is looked up as one of a year before that of the same weekdays: a common year
// that begins on the same day, or, behind February, has the same first of March. How far away it
// is.
std::chrono::seconds distance_to_listed(std::chrono::seconds since_1970) {
  const date::year_month_day civil(date::floor<date::days>(date::sys_seconds(since_1970)));
  if (civil.year() <= date::year(2037)) return std::chrono::seconds(0);
  const date::month anchor(civil.month() < date::March ? 1 : 3);
  const auto first = [&](date::year year) { return date::sys_days(year / anchor / 1); };
  date::year listed(2026);
  while (listed.is_leap() || date::weekday(first(listed)) != date::weekday(first(civil.year()))) {
    ++listed;
  }
  return first(civil.year()) - first(listed);
}

date::local_seconds to_local(const date::time_zone* zone, date::sys_seconds instant) {
  const auto since = instant.time_since_epoch();
  if (zone == nullptr) return date::local_seconds(since);
  const auto distance = distance_to_listed(since);
  return date::local_seconds(since + zone->get_info(instant - distance).offset);
}

// Of a clock time that the day has not, the first that it has.
date::sys_seconds to_instant(const date::time_zone* zone, date::local_seconds time) {
  const auto since = time.time_since_epoch();
  if (zone == nullptr) return date::sys_seconds(since);
  const auto distance = distance_to_listed(since);
  const date::local_info found = zone->get_info(time - distance);
  if (found.result == date::local_info::nonexistent) return found.first.end + distance;
  return date::sys_seconds(since - found.first.offset);
}

}  // namespace

Zone::Zone(const std::string& name) : zone_(find_zone(name)) {}

CivilTime Zone::at(std::int64_t utc_ms) const {
  const date::sys_seconds instant = instant_of(utc_ms);
  const date::local_seconds local = to_local(zone_, instant);
  const auto day = date::floor<date::days>(local);
  const date::year_month_day civil(day);
  return {.day = day.time_since_epoch().count(),
          .year = static_cast<int>(civil.year()),
          .month = static_cast<unsigned>(civil.month()),
          .day_of_month = static_cast<unsigned>(civil.day()),
          .second = (local - day).count(),
          .offset_seconds = (local.time_since_epoch() - instant.time_since_epoch()).count()};
}

std::int64_t Zone::before(std::int64_t utc_ms, std::uint32_t months, std::uint64_t seconds) const {
  date::sys_seconds instant = instant_of(utc_ms);
  const std::int64_t rest_ms = utc_ms - instant.time_since_epoch().count() * 1000;
  if (months > 0) {
    const date::local_seconds local = to_local(zone_, instant);
    const auto day = date::floor<date::days>(local);
    const date::year_month_day civil(day);
    const auto month = date::year_month(civil.year(), civil.month()) -
                       date::months(static_cast<int>(std::min(months, 12U * 30'000U)));
    const date::year_month_day_last last(month.year(), date::month_day_last(month.month()));
    const date::year_month_day target = month / std::min(civil.day(), last.day());
    instant = to_instant(zone_, date::local_days(target) + (local - day));
  }
  const auto back =
      static_cast<std::int64_t>(std::min(seconds, static_cast<std::uint64_t>(seconds_max)));
  return (instant.time_since_epoch().count() - back) * 1000 + rest_ms;
}

std::string machine_zone() {
  try {
    std::string name = date::current_zone()->name();
    static_cast<void>(Zone(name));
    const bool is_utc = name == "UTC" || name == "Etc/UTC";
    return is_utc ? std::string() : name;
  } catch (const std::exception&) {
    return {};
  }
}

std::string day_text(CivilDay day) {
  const date::year_month_day civil{date::sys_days(date::days(day))};
  return date::format("%F", civil);
}

}  // namespace kist
