// What is known of the blocks behind snapshots when a plan is made: which snapshots are hurt, and
// how much space would come back.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "engine/repository/repository.h"
#include "engine/rules/state.h"

namespace kist {

// Snapshots of which not all is whole: their reference set cannot be read, or names blocks in
// condemned packs, or numbers that were given up.
std::set<SnapshotId> find_hurt(const Repository& repository);

// The bytes of packs that no other snapshot needs than these and those that are retired already: an
// estimate, by each pack's mean. Nothing where a set cannot be read of a snapshot that stays, for
// it may need anything.
std::optional<std::uint64_t> estimate_freed_bytes(const Repository& repository,
                                                  const std::vector<RetiredSnapshot>& retired);

}  // namespace kist
