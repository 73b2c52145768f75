// Snapshots against each other: what differs between two, and where a name is across all of them.
// Equal subtrees have equal ids and are not read.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/base/entry.h"
#include "engine/base/path_filter.h"
#include "engine/ops/browse/browse.h"
#include "engine/repository/repository.h"

namespace kist {

// One path that is not the same on both sides. What only tells one copy of a file from another,
// inode number and change time, does not count.
struct Difference {
  const Entry* before = nullptr;  // null: added
  const Entry* after = nullptr;   // null: removed
  bool in_content = false;        // type, bytes, link target, device
  bool in_metadata = false;       // owner, mode, time, attributes, flags
};

struct DifferenceTotals {
  std::uint64_t added = 0;
  std::uint64_t removed = 0;
  std::uint64_t modified = 0;
  std::uint64_t bytes_added = 0;  // of files that were added, or grew, as files show them
  std::uint64_t bytes_removed = 0;
};

// Both sides name the same path, or none. Error{invalid} otherwise; Error{refused} without `read`.
DifferenceTotals diff_snapshots(Repository& repository,
                                const Selection& before,
                                const Selection& after,
                                const std::function<void(const Difference&)>& each);

// A path as it was in one or more successive snapshots of its source.
struct FoundVersion {
  Entry entry;
  SnapshotPtr first;
  SnapshotPtr last;
  std::uint64_t snapshots = 0;
};

struct FoundPath {
  std::string source;
  std::string path;
  std::vector<FoundVersion> versions;  // in the order of the snapshots
};

// Every path that an include pattern matches, in any live snapshot of any source, by source and
// path. Memory grows with what is found, not with what is looked through.
std::vector<FoundPath> find_paths(Repository& repository, const PathFilter& patterns);

}  // namespace kist
