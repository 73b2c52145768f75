#include "engine/rules/freshness.h"

namespace kist {

namespace {

// A journal whose last entry is older may be an old copy.
constexpr std::uint64_t fresh_age_max_ms = 7ULL * 86'400'000;

}  // namespace

TimeAgo time_ago(std::int64_t time_ms, std::int64_t now_ms) {
  // Unsigned numbers wrap, so the difference is right even where a signed one would overflow.
  const auto time = static_cast<std::uint64_t>(time_ms);
  const auto now = static_cast<std::uint64_t>(now_ms);
  if (time_ms > now_ms) return {.ms = time - now, .is_ahead = true};
  return {.ms = now - time, .is_ahead = false};
}

Freshness freshness_of(const State& state, std::int64_t now_ms) {
  const TimeAgo last = time_ago(state.last_ms, now_ms);
  if (last.is_ahead) {
    return last.ms <= clock_ahead_max_ms ? Freshness::fresh : Freshness::unknown;
  }
  return last.ms <= fresh_age_max_ms ? Freshness::fresh : Freshness::old;
}

}  // namespace kist
