// Moves live blocks out of packs that are to go: they are stored again, in new packs, under the
// numbers that they had, or these go to another copy that is there. Index segments are replaced so
// that packs in which all is dead stand in segments of their own, which can be ended whole. One
// journal entry for each part, so that what was moved stays moved if the run is cut off. Small
// segments are merged, where there are many.
// docs/format.md, "What ends", "Index segments".
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/base/pool.h"
#include "engine/blocks/block_reader.h"
#include "engine/ops/epoch/collection_plan.h"
#include "engine/repository/reindex.h"
#include "engine/repository/repository.h"

namespace kist {

struct MoveResult {
  bool has_moved = false;           // an entry was committed; false: nothing is left to do
  std::uint64_t read_bytes = 0;     // of blocks
  std::uint64_t written_bytes = 0;  // of packs
  std::set<ObjectHash> damaged;     // packs that cannot be stored again: plan without them
};

// Does a part of what the plan says. `live` is what the plan goes by; `done_bytes` were written
// before, which the progress counts. Where a pack turns out to be damaged, nothing is committed.
// Error{conflict} as of commit_reindexing().
[[nodiscard]] MoveResult move_some(Repository& repository,
                                   Pool& pool,
                                   const NumberSet& live,
                                   const CollectionPlan& plan,
                                   std::uint64_t done_bytes);

}  // namespace kist
