// Collects the blocks that a snapshot needs and makes its reference set of them.
//
// Invariant: the set holds every block that was added since the builder was made, entries of
// pending snapshots in between included. Blocks that an entry has introduced meanwhile stand in it
// by their numbers; blocks that the coming entry introduces stand in it by numbers relative to the
// entry's first. docs/format.md, "Reference sets".
#pragma once

#include <cstdint>
#include <vector>

#include "engine/blocks/reference_run.h"
#include "engine/format/number_set.h"
#include "engine/format/snapshot.h"

namespace kist {

// Blocks that a pending snapshot keeps beside those of its entries, so that the next backup need
// not store them again.
struct PendingParts {
  std::vector<ReferenceRun> unfinished{};  // of unfinished manifest nodes and files
  const NumberSet* adopted = nullptr;      // of earlier pending snapshots; null: none
};

class ReferenceSetBuilder {
 public:
  // The snapshot needs these blocks.
  void add(const ReferenceRun& run);
  // The set of the blocks added so far. If `pending` is given, the set also holds its blocks and
  // every block that the entry introduces.
  [[nodiscard]] ReferenceSet build(const NewBlockCounts& counts,
                                   const SnapshotStatistics& statistics,
                                   const PendingParts* pending) const;
  // The entry that introduced the blocks added so far is committed, with these numbers.
  void begin_next_entry(const EntryNumbers& numbers);

 private:
  NumberSet absolute_;
  NumberSet new_data_;  // ordinals
  NumberSet new_meta_;  // ordinals
};

}  // namespace kist
