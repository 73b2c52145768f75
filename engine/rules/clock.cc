#include "engine/rules/clock.h"

#include <algorithm>

#include "engine/rules/freshness.h"

namespace kist {

namespace {

constexpr std::uint64_t day_ms = 86'400'000;
constexpr std::uint64_t doubted_ahead_ms = 35 * day_ms;
constexpr std::uint64_t ahead_max_ms = 366 * day_ms;
constexpr std::uint64_t retention_ahead_seconds = 7ULL * 86'400;
constexpr std::uint64_t age_ahead_seconds = 366ULL * 86'400;

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

std::int64_t witnessed_ms(const State& state, const SlotId& author) {
  std::int64_t judge_ms = 0;  // of those whose word is enough
  std::int64_t first_ms = 0;  // of all others, the greatest
  std::int64_t second_ms = 0;
  std::size_t count = 0;
  for (const SlotState* slot : state.current_slots()) {
    const std::int64_t time_ms = slot->bound_ms;
    if (slot->introduction.slot == author || time_ms == 0) continue;
    ++count;
    const bool is_judge =
        (slot->introduction.capabilities & (can_audit | can_maintain | can_own)) != 0;
    if (is_judge) judge_ms = std::max(judge_ms, time_ms);
    second_ms = std::max(second_ms, std::min(first_ms, time_ms));
    first_ms = std::max(first_ms, time_ms);
  }
  if (count == 0) return state.times.believed_ms;
  return std::max(judge_ms, count == 1 ? first_ms : second_ms);
}

std::int64_t retention_time_ms(const State& state,
                               const SlotId& author,
                               LockMode lock,
                               std::int64_t time_ms) {
  const std::int64_t seen_ms =
      lock == LockMode::compliance ? witnessed_ms(state, author) : state.times.believed_ms;
  return std::min(time_ms, seconds_after(seen_ms, retention_ahead_seconds));
}

std::int64_t age_start_ms(const State& state, const SlotId& author, std::int64_t time_ms) {
  // What believed slots have seen, others have, unless the author is one itself.
  const Capabilities own = state.slots.at(author).introduction.capabilities;
  const std::int64_t believed_ms = state.times.believed_ms;
  const bool is_believed = (own & (can_maintain | can_own)) != 0;
  if (!is_believed && time_ms <= seconds_after(believed_ms, age_ahead_seconds)) return time_ms;
  const std::int64_t seen_ms = witnessed_ms(state, author);
  return seen_ms == 0 ? time_ms : std::min(time_ms, seconds_after(seen_ms, age_ahead_seconds));
}

std::int64_t later_by(std::int64_t time_ms, std::int64_t ms) {
  return time_ms > INT64_MAX - ms ? INT64_MAX : time_ms + ms;
}

std::int64_t seconds_after(std::int64_t time_ms, std::uint64_t seconds) {
  const std::uint64_t most = (static_cast<std::uint64_t>(INT64_MAX) -
                              static_cast<std::uint64_t>(std::max<std::int64_t>(time_ms, 0))) /
                             1000;
  return seconds > most ? INT64_MAX : time_ms + static_cast<std::int64_t>(seconds * 1000);
}

}  // namespace kist
