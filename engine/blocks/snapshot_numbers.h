// Which blocks a snapshot needs, by their numbers: its reference set, and the numbers that its
// entry has given to its own blocks.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "engine/base/pinned.h"
#include "engine/blocks/blocks.h"
#include "engine/blocks/snapshot_opener.h"
#include "engine/format/number_set.h"

namespace kist {

// Every block of a reference set that is in no entry yet, once the entry gives its segments these
// numbers.
NumberSet numbers_of_set(const ReferenceSet& set, const SnapshotTaken& taken);
// The same of a snapshot's. Damage where the set cannot be read, Error{refused} where this slot may
// not open it.
NumberSet numbers_of_snapshot(const Journal& journal, const SnapshotState& snapshot);

// The same of many snapshots. What was read from the store once is kept in the block index.
// Belongs to one thread; ask in journal order, so that each key segment is opened once.
class SnapshotNumbers : private Pinned {
 public:
  // The blocks outlive it. No epoch may be entered meanwhile.
  explicit SnapshotNumbers(Blocks& blocks);
  ~SnapshotNumbers() = default;

  // Nothing where the set is damaged or gone, or names what cannot be. Any other failure is thrown.
  std::optional<NumberSet> of(const SnapshotState& snapshot);
  // Keeps what was read since. To be called at the end, or it is read again the next time.
  void keep();

  [[nodiscard]] const BlockIndex::Reader& index() const { return reader_; }

 private:
  BlockIndex& index_;
  BlockIndex::Reader reader_;
  const Journal& journal_;
  SnapshotOpener opener_;
  std::vector<std::pair<SnapshotSet, Bytes>> read_;
};

}  // namespace kist
