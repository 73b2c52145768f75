// Whether a journal can be as new as it says, for a machine that has never seen it: the time of its
// last entry beside the reader's clock. An entry's time is its author's claim, so it may lie
// anywhere; an entry that is stamped ahead of the clock proves nothing about the age of a copy.
// Pure. docs/trust.md, "The remembered head, and doubt".
#pragma once

#include <cstdint>

#include "engine/rules/state.h"

namespace kist {

// How far the journal may be ahead of a machine's clock. Clocks that are set by the network are
// seconds apart; an hour leaves room for those that are set by hand.
inline constexpr std::int64_t clock_ahead_max_ms = 3'600'000;

// How long ago a time was, or how far ahead it is.
struct TimeAgo {
  std::uint64_t ms = 0;
  bool is_ahead = false;
  bool operator==(const TimeAgo&) const = default;
};

// Any two times: no difference overflows.
[[nodiscard]] TimeAgo time_ago(std::int64_t time_ms, std::int64_t now_ms);

enum class Freshness {
  fresh,    // its last entry is of the last seven days
  old,      // older: the journal may have gone on since, and this may be an old copy
  unknown,  // of the future, by more than clocks differ: the time says nothing
};

// Of the journal that yields `state`, for a reader whose clock says `now_ms`. The state has a
// genesis.
[[nodiscard]] Freshness freshness_of(const State& state, std::int64_t now_ms);

}  // namespace kist
