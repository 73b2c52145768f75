// What ends with an epoch, when a collection ends it: dead index segments that stand condemned,
// snapshots that can be restored no more, and objects that nobody names. Planned for one head.
// docs/format.md, "What ends".
#pragma once

#include <cstdint>

#include "engine/ops/epoch/collect.h"
#include "engine/ops/epoch/end_epoch.h"
#include "engine/ops/epoch/live_numbers.h"

namespace kist {

// By default, a day: an object that a running backup has put is named within that.
inline constexpr std::uint64_t unnamed_grace_seconds = 86'400;

// Whether what was condemned then may end by the clock of this machine.
bool is_past(const Condemnation& condemned, std::uint64_t grace_seconds, std::int64_t now_ms);

// The current index segments of which all is dead, ascending.
std::vector<ObjectHash> find_dead_segments(const State& state,
                                           const BlockIndex::Reader& index,
                                           const CollectionPlan& plan);

class CollectionEnding final : public EndingPlanner {
 public:
  CollectionEnding(Repository& repository, KnownSets& sets, const CollectOptions& options)
      : repository_(repository), sets_(sets), options_(options) {}

  // Error{conflict} where a set is not proved yet: it has come since.
  EndedContent plan() override;
  bool admits(const ReplayedEntry& snapshot) override;

  // Whether plan() would end anything now.
  bool is_due() { return !plan().empty(); }

 private:
  void require_proved(const std::vector<SnapshotId>& ending);
  void add_segments(const CollectionPlan& plan,
                    const BlockIndex::Reader& index,
                    EndedContent& out) const;
  void add_unnamed(const BlockIndex::Reader& index, EndedContent& out) const;
  void note_ended_numbers(const BlockIndex::Reader& index, const EndedContent& ended);

  Repository& repository_;
  KnownSets& sets_;
  const CollectOptions& options_;
  NumberSet ended_numbers_;           // by the last plan
  std::set<ObjectHash> ended_names_;  // likewise
  std::set<ObjectHash> ended_segments_;
};

}  // namespace kist
