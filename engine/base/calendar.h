// Civil time: what the clocks on the walls of a place show. The only user of the library of zones
// (Howard Hinnant's date), which goes by the zone data of the machine.
#pragma once

#include <cstdint>
#include <string>

namespace date {
class time_zone;
}

namespace kist {

// Days of the proleptic Gregorian calendar, counted from 1970-01-01; earlier ones are negative.
using CivilDay = std::int64_t;

struct CivilTime {
  CivilDay day = 0;
  std::int64_t year = 1970;
  unsigned month = 1;
  unsigned day_of_month = 1;
  std::int64_t second = 0;          // of the day, as the clock shows it
  std::int64_t offset_seconds = 0;  // of the clock, east of UTC
  bool operator==(const CivilTime&) const = default;
};

class Zone {
 public:
  // An IANA name, "Europe/Berlin"; empty: UTC. Error{invalid} for a name that is none,
  // Error{failed} where the machine has no zone data: another zone in its place would decide
  // otherwise.
  explicit Zone(const std::string& name);

  // Milliseconds since 1970, UTC.
  [[nodiscard]] CivilTime at(std::int64_t utc_ms) const;

  // The instant so many months and then seconds earlier. Months keep day and clock: 31 May less one
  // month is 30 April, for April has no 31st; 29 February less twelve is 28 February. A clock time
  // that a day does not have, for summer time begins, is the next one it has; of two the first.
  [[nodiscard]] std::int64_t before(std::int64_t utc_ms,
                                    std::uint32_t months,
                                    std::uint64_t seconds) const;

 private:
  const date::time_zone* zone_;  // null: UTC; the library keeps it for good
};

// The name of the zone that this machine is set to; empty where it has none, or is set to UTC.
std::string machine_zone();

// "2026-11-20"
std::string day_text(CivilDay day);

}  // namespace kist
