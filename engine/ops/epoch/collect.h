// Collection: space comes back, while everybody goes on working. Sets are proved, live blocks move
// out of packs that are to go, what is dead is condemned, and the end of an epoch ends it; then it
// is removed. Each step stands by itself: a run that was cut off is completed by any later one.
// docs/format.md, "What ends"; docs/concurrency.md.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/ops/epoch/collection_plan.h"
#include "engine/repository/repository.h"

namespace kist {

struct CollectOptions {
  unsigned unused_percent = 4;                 // of what stays, that may be of dead blocks
  std::uint64_t write_bytes_max = UINT64_MAX;  // of packs that are stored again
  // How long something stands condemned before it ends: what is dead none, what nobody names a day,
  // unless it is said. For the peace of others only: nothing that is needed ends.
  std::optional<std::uint64_t> grace_seconds{};
  unsigned threads = 0;  // 0: one for each processor
};

// What a collection would do now.
struct CollectForecast {
  CollectionPlan plan;
  std::vector<SnapshotId> ending;   // retired snapshots whose grace is over; ascending
  std::uint64_t unproved_sets = 0;  // to be compared with their manifests first
  std::uint64_t unnamed_count = 0;  // objects that no entry names, and their bytes
  std::uint64_t unnamed_bytes = 0;
  std::uint64_t leftover_count = 0;  // objects that have ended and are still there
};

// Whether this slot may: it asks for `maintain` and `read`.
bool may_collect(const Repository& repository);

// Writes nothing to the store. Error{refused} without the capabilities `maintain` and `read`;
// Error{corrupt} where it is not known what snapshots need.
CollectForecast plan_collect(Repository& repository, const CollectOptions& options);

struct CollectResult {
  std::uint64_t replaced_sets = 0;  // that were not what their manifests need
  std::uint64_t written_bytes = 0;  // of packs that were stored again
  std::uint64_t entries = 0;        // epochs' ends
  std::uint64_t ended_snapshots = 0;
  std::uint64_t removed_objects = 0;
  std::uint64_t freed_bytes = 0;    // of packs and unnamed objects that were removed
  std::uint64_t waiting_bytes = 0;  // of packs that stand condemned, and whose grace is not over
  std::uint64_t condemned_unnamed = 0;  // objects whose grace is not over
};

CollectResult collect(Repository& repository, const CollectOptions& options);

}  // namespace kist
