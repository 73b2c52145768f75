// Taking back times of the future that entries claim: after a machine whose clock was wrong has
// bound all others to its time. docs/format.md, "Time".
#pragma once

#include <cstdint>
#include <string>

#include "engine/repository/repository.h"

namespace kist {

// What a reset goes by.
struct ClockReading {
  std::int64_t newest_ms = 0;  // the newest time that an entry of a slot claims, if not revoked
  std::int64_t now_ms = 0;     // this machine's time
};

ClockReading read_clock(const Repository& repository);

// From the entry that this commits on, every time that earlier ones claim counts as at most this
// machine's time. Returns the entry's number. Error{refused} without the capability `own`,
// Error{invalid} where no entry is ahead of this machine's clock.
std::uint64_t reset_clock(Repository& repository, const std::string& reason);

}  // namespace kist
