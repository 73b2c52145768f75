#include "engine/rules/clock.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <vector>

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

namespace {

// The greatest time that slots other than `author` have come to, by that member of theirs: of one
// whose word is enough, or of two, or of the only one. Nothing where no other has written anything.
std::optional<std::int64_t> seen_by_others(const State& state,
                                           const SlotId& author,
                                           std::int64_t SlotState::*time) {
  std::optional<std::int64_t> judges;  // of those whose word is enough
  std::vector<std::int64_t> times;
  for (const SlotState* slot : state.current_slots()) {
    if (slot->introduction.slot == author || !slot->has_written) continue;
    times.push_back(slot->*time);
    const bool is_judge =
        (slot->introduction.capabilities & (can_audit | can_maintain | can_own)) != 0;
    if (is_judge) judges = std::max(judges.value_or(slot->*time), slot->*time);
  }
  if (times.empty()) return std::nullopt;
  std::ranges::sort(times, std::greater());
  const std::int64_t seen = times.at(times.size() == 1 ? 0 : 1);
  return judges ? std::max(*judges, seen) : seen;
}

}  // namespace

std::int64_t witnessed_ms(const State& state, const SlotId& author) {
  return seen_by_others(state, author, &SlotState::bound_ms).value_or(state.times.believed_ms);
}

std::int64_t retention_time_ms(const State& state,
                               const SlotId& author,
                               LockMode lock,
                               std::int64_t time_ms) {
  const std::int64_t seen_ms =
      lock == LockMode::compliance ? witnessed_ms(state, author) : state.times.believed_ms;
  return std::min(time_ms, seconds_after(seen_ms, retention_ahead_seconds));
}

std::int64_t age_start_ms(const State& state, const JournalEntry& entry, std::int64_t started_ms) {
  const std::int64_t own_ms = state.slots.at(entry.author).peak_ms;
  if (entry.is_time_doubted) return std::min(entry.time_ms, std::max(started_ms, own_ms));
  if (entry.time_ms <= seconds_after(own_ms, age_ahead_seconds)) return entry.time_ms;
  const std::int64_t seen_ms =
      seen_by_others(state, entry.author, &SlotState::peak_ms).value_or(own_ms);
  return std::min(entry.time_ms, seconds_after(std::max(seen_ms, own_ms), age_ahead_seconds));
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
