// Which block numbers are needed, and by whose word: what a collection goes by. Each set that
// counts is compared with its manifest once, before anything is destroyed on its word.
// docs/format.md, "What ends".
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/blocks/snapshot_numbers.h"
#include "engine/repository/manifest_needs.h"
#include "engine/repository/repository.h"
#include "engine/repository/set_prover.h"

namespace kist {

// The retired snapshots that the law lets end now, by this machine's clock; ascending. None while
// that clock is doubted.
[[nodiscard]] std::vector<SnapshotId> find_ending(const Repository& repository);

// What is known of the sets of snapshots, in one run. Belongs to one thread.
class KnownSets {
 public:
  explicit KnownSets(Repository& repository) : repository_(repository) {}

  // Compares the set of each live snapshot but those `ending` with its manifest, unless a slot with
  // `maintain` has done so and all its numbers are listed still, and records it in the journal:
  // sets that are wrong are replaced. How many it has replaced. Error{corrupt} where a set, or a
  // part of a manifest, cannot be read.
  std::uint64_t prove(const std::vector<SnapshotId>& ending);
  // Whether what a live snapshot needs is known: its set is proved, or was compared in this run and
  // equals, or the snapshot opens for nobody. Never where a segment was given up since prove().
  // Nothing is recorded.
  bool is_known(const SnapshotState& snapshot);
  // All numbers that live snapshots need but those `ending`, with the copies that are kept of what
  // lies in condemned packs. prove() was called before.
  NumberSet live(const std::vector<SnapshotId>& ending);
  // The numbers that a snapshot needs; ending ones too.
  NumberSet needed_by(SnapshotNumbers& numbers, const SnapshotState& snapshot);

 private:
  std::uint64_t judge_all(BlockIndex& index,
                          const std::vector<SnapshotId>& ending,
                          SetProver& prover);
  [[nodiscard]] bool is_proved(SnapshotNumbers& numbers, const SnapshotState& snapshot);
  [[nodiscard]] NumberSet unlisted() const;
  [[nodiscard]] bool opens_for_nobody(const SnapshotState& snapshot) const;
  void add_kept_copies(NumberSet& live) const;
  [[nodiscard]] std::set<ObjectHash> damaged_packs() const;

  Repository& repository_;
  using JudgedSet = std::pair<SnapshotId, ObjectHash>;

  // Of sets that nobody can prove, because a part of the manifest is lost for good: all that the
  // snapshot may need.
  std::map<JudgedSet, NumberSet> unproved_;
  NumberSet unlisted_;          // numbers, by the last prove()
  std::uint64_t given_up_ = 0;  // how often segments were given up, by then
  std::set<JudgedSet> right_;   // sets of which it is known in this run that they are
};

}  // namespace kist
