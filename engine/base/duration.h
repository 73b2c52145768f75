// Spans of time as a person writes them: a number and a unit, `12h`, `7d`, `10y`. The one table of
// units: s, min, h, d, w, m (a month of 30 days), y (a year of 365 days). Anything else is refused:
// a sign, a space, a fraction, two units.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace kist {

struct Duration {
  std::uint64_t count = 0;
  std::uint64_t unit_seconds = 1;

  // Must fit: see parse_duration().
  [[nodiscard]] std::uint64_t seconds() const { return count * unit_seconds; }
};

// Empty when `text` is no duration, or one of more than INT64_MAX seconds.
std::optional<Duration> parse_duration(std::string_view text);

}  // namespace kist
