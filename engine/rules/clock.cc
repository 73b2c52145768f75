#include "engine/rules/clock.h"

#include <algorithm>

#include "engine/rules/freshness.h"

namespace kist {

namespace {

constexpr std::uint64_t day_ms = 86'400'000;
constexpr std::uint64_t doubted_ahead_ms = 35 * day_ms;
constexpr std::uint64_t ahead_max_ms = 366 * day_ms;

}  // namespace

std::int64_t newest_time_ms(const State& state) {
  std::int64_t out = 0;
  for (const SlotState* slot : state.current_slots()) {
    out = std::max(out, slot->last_seen_ms);
  }
  return out;
}

Stamp stamp_of(const State& state, const SlotId& author, std::int64_t now_ms) {
  if (state.next_sequence == 0) return {.time_ms = now_ms};
  const std::int64_t least = state.least_time_ms(author);
  const std::int64_t newest = newest_time_ms(state);
  const TimeAgo ahead = time_ago(now_ms, newest);
  if (ahead.is_ahead && ahead.ms > doubted_ahead_ms) {
    const std::int64_t latest =
        ahead.ms > ahead_max_ms ? newest + static_cast<std::int64_t>(ahead_max_ms) : now_ms;
    return {.time_ms = std::max(least, latest), .is_doubted = true};
  }
  const TimeAgo bound = time_ago(least, now_ms);
  const bool is_behind = bound.is_ahead && bound.ms > clock_ahead_max_ms;
  return {.time_ms = std::max(least, now_ms), .is_doubted = is_behind};
}

}  // namespace kist
