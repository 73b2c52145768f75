// Records in the journal which reference sets are what their snapshots' manifests need, and
// replaces those that are not. docs/format.md, "Reference sets".
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "engine/blocks/objects.h"
#include "engine/repository/repository.h"

namespace kist {

class SetProver {
 public:
  // The repository outlives the prover.
  explicit SetProver(Repository& repository) : repository_(repository) {}

  // The snapshot's set equals its manifest. Kept for commit(), unless the journal says so already.
  void note_equal(const SnapshotState& snapshot);
  // The snapshot's set is to be that one. Puts it; what counts is commit().
  void replace(const SnapshotState& snapshot, const ReferenceSet& proper);

  // The entries that say so. Error{conflict} where an epoch has begun since the first replace(). A
  // set that another slot has replaced meanwhile is passed over.
  void commit();

  // What commit() has recorded.
  [[nodiscard]] std::uint64_t proved_count() const { return proved_; }

 private:
  struct StoredSet {
    ReplacedSet set;
    NamedKey key;
  };

  void commit_part(const std::function<SetsProved(const State&)>& make);
  [[nodiscard]] ObjectHash put_keys(const std::vector<StoredSet>& sets) const;

  Repository& repository_;
  std::vector<JudgedSet> equal_;
  std::vector<StoredSet> replaced_;
  EpochId epoch_;  // of what was put
  std::uint64_t proved_ = 0;
};

}  // namespace kist
