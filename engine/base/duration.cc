#include "engine/base/duration.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace kist {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t seconds = 1;
};

constexpr std::uint64_t day_seconds = 86'400;
constexpr std::array units{Unit{"s", 1},
                           Unit{"min", 60},
                           Unit{"h", 3600},
                           Unit{"d", day_seconds},
                           Unit{"w", 7 * day_seconds},
                           Unit{"m", 30 * day_seconds},
                           Unit{"y", 365 * day_seconds}};

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  Duration out;
  const char* const end = text.data() + text.size();
  const auto [after, error] = std::from_chars(text.data(), end, out.count);
  if (error != std::errc()) return std::nullopt;
  const std::string_view name(after, static_cast<std::size_t>(end - after));
  const auto* const unit = std::ranges::find(units, name, &Unit::name);
  if (unit == units.end() || out.count > INT64_MAX / unit->seconds) return std::nullopt;
  out.unit_seconds = unit->seconds;
  return out;
}

}  // namespace kist
