// The time that an entry is stamped with. A machine's clock may be wrong by any amount; nothing is
// refused for that: an entry whose time its author has reason to doubt says so, and counts nowhere
// as a time. Pure. docs/format.md, "Time".
#pragma once

#include <cstdint>

#include "engine/rules/state.h"

namespace kist {

struct Stamp {
  std::int64_t time_ms = 0;
  bool is_doubted = false;
  bool operator==(const Stamp&) const = default;
};

// The newest time that an entry of a slot claims that was not revoked.
[[nodiscard]] std::int64_t newest_time_ms(const State& state);

// The stamp of an entry that follows `state`, by a slot whose machine's clock says `now_ms`. It is
// doubted where that is more than 35 days ahead of the newest entry of any slot that was not
// revoked, or more than an hour behind the least time that the slot may use. It is never before
// that time, nor more than 366 days after that entry.
// Example: a laptop whose clock says 2040 stamps the day a year after the newest entry, doubted.
[[nodiscard]] Stamp stamp_of(const State& state, const SlotId& author, std::int64_t now_ms);

}  // namespace kist
