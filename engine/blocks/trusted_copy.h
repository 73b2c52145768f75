// The one rule of which stored copy of a block may be relied on: the copy's number is trusted, and
// it serves the caller's purpose. A malicious writer may store junk under the ids of content that
// others are about to back up, so a copy counts for a slot only if the policy in force says so
// (rules/state.h, TrustedNumbers). The deduplicator refers to such copies only. A restore reads
// them first, and any other one where none is whole: there the block's hash decides.
// docs/format.md, "Block numbers".
#pragma once

#include <functional>
#include <optional>

#include "engine/catalog/block_index.h"
#include "engine/rules/state.h"

namespace kist {

// The copy with the lowest number that is trusted and that `serves`; empty when there is none.
// Whole ranges of numbers that are not trusted are skipped in one step: their author may have
// stored that block any number of times.
std::optional<BlockLocation> find_trusted(const BlockIndex::Reader& index,
                                          const TrustedNumbers& trusted,
                                          const BlockTag& tag,
                                          const std::function<bool(const BlockLocation&)>& serves);

}  // namespace kist
