// The objects that a run has stored for one snapshot, and the journal entry that introduces them.
//
// Invariant: everything that a StoredSnapshot names is durable in the store and belongs to nobody
// until the entry is committed. docs/format.md, "Journal", "Block numbers".
#pragma once

#include <string>
#include <vector>

#include "engine/format/journal_entry.h"
#include "engine/format/snapshot.h"
#include "engine/rules/state.h"

namespace kist {

struct StoredSnapshot {
  EntryNumbers numbers;  // from 0 on: the entry says what its first number is
  std::vector<SegmentIntroduction> segments;
  std::vector<ObjectHash> key_segments;
  EpochId epoch;  // that the key segments are sealed to
  std::vector<ObjectHash> packs;
  ObjectHash body;
  ObjectHash reference_set;
  ReferenceSet references;
  SnapshotStatistics statistics;  // as the reference set states them
  std::int64_t started_ms = 0;    // the time that the snapshot is of
  bool is_pending = false;
};

// The entry that introduces a snapshot of that source, under the state that it will follow and the
// policy that the source has in it. The caller adds the snapshot's id, and the snapshot that it
// replaces; who commits it sees to it that it is not of a time after the entry's.
SnapshotTaken snapshot_entry(const StoredSnapshot& stored,
                             const State& state,
                             const std::string& source,
                             const SlotId& author);

}  // namespace kist
