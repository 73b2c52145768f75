// Whose time counts: the time that an entry is stamped with, and the time that it is for retention.
// A machine's clock may be wrong by any amount; nothing is refused for that: an entry whose time
// its author has reason to doubt says so, and counts nowhere as a time. Pure. docs/format.md,
// "Time".
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

// The time that an entry counts as, that claims `time_ms` and follows `state`, when it asks whether
// a minimum is over: at most seven days after what others have seen. Under governance these are the
// slots that may retire, the author too; under compliance they are not the author.
[[nodiscard]] std::int64_t retention_time_ms(const State& state,
                                             const SlotId& author,
                                             LockMode lock,
                                             std::int64_t time_ms);

// The greatest time that slots other than `author` have seen: one of those that audit, maintain or
// own, or two of any kind, or the only one that has written an entry. What slots that may retire
// have seen, where no other has written any.
[[nodiscard]] std::int64_t witnessed_ms(const State& state, const SlotId& author);

// When the age of a snapshot begins that such an entry takes, which is of the time `started_ms`: at
// the entry's time, but at most 366 days after what its author and others have seen before,
// whatever a clock reset has taken back since. So nobody shortens a minimum by a reset, or by
// silence, and a slot that claims 2126 adds a year. A time that is doubted may be forced upon its
// author: then the snapshot's own counts, if the author has not seen a later one.
[[nodiscard]] std::int64_t age_start_ms(const State& state,
                                        const JournalEntry& entry,
                                        std::int64_t started_ms);

// The sum; the greatest time there is where that would be later still. `ms` is not negative.
[[nodiscard]] std::int64_t later_by(std::int64_t time_ms, std::int64_t ms);
// So many seconds later; the greatest time there is where that would be later still.
[[nodiscard]] std::int64_t seconds_after(std::int64_t time_ms, std::uint64_t seconds);

}  // namespace kist
