// Which lost keys keep an epoch from ending, and which do not.
#pragma once

#include <vector>

#include "engine/repository/repository.h"

namespace kist {

// Whether the author is revoked, or will be by this end of the epoch. Unreadable objects that only
// such slots refer to do not block it.
[[nodiscard]] bool is_shut_out(const State& state,
                               const SlotId& author,
                               const std::vector<SlotId>& revoked);

// Whether somebody else's snapshots may stand on blocks that this one has introduced.
[[nodiscard]] bool is_relied_on(const State& state, const SnapshotState& snapshot);

// Throws Error{corrupt} if any of these damaged key segments, which ascend, holds keys that
// somebody needs.
void require_whole(const Repository& repository,
                   const std::vector<ObjectHash>& damaged,
                   const std::vector<SlotId>& revoked);

}  // namespace kist
