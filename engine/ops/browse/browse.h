// Looking at what is stored: the snapshots that there are, the entries of one, one file's bytes,
// sums. Which snapshot a person means: selection.h.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/entry.h"
#include "engine/blocks/snapshot_inspector.h"
#include "engine/format/snapshot.h"
#include "engine/ops/browse/selection.h"
#include "engine/repository/repository.h"

namespace kist {

struct SnapshotSummary {
  SnapshotPtr state;
  std::optional<SnapshotBody> body;              // for slots that read
  std::optional<SnapshotStatistics> statistics;  // none: the snapshot cannot be read
  Openness openness = Openness::opens;           // why not, where it cannot be read
  bool is_given_up = false;                      // it opens for nobody, and its slot was revoked
  std::optional<std::int64_t> restorable_until_ms{};  // of a retired one, if nothing holds it
  std::optional<std::string> matter{};                // of a hold on it
};

// Live snapshots in journal order. One that cannot be read is told to the observer, as a problem
// or, where it was given up, as a notice; the others are listed all the same.
std::vector<SnapshotSummary> list_snapshots(Repository& repository);

// The same by the journal alone: whether they open, and what is in them, is not looked at.
std::vector<SnapshotSummary> list_journal_snapshots(const Repository& repository);

// The time that a snapshot is of, and its source.
struct SnapshotPlace {
  std::int64_t started_ms = 0;
  std::string source;
};

SnapshotPlace place_of(const Repository& repository, const SnapshotId& snapshot);

// The entry at the path and, if it is a directory, what it holds: directly, or at any depth.
void list_entries(Repository& repository,
                  const Selection& selection,
                  bool is_recursive,
                  const std::function<void(const Entry&)>& each);

// A file's bytes, piece by piece in order.
void read_content(Repository& repository,
                  const Selection& selection,
                  const std::function<void(View)>& each);

struct RepositoryStatistics {
  std::uint64_t snapshots = 0;
  std::uint64_t bytes_total = 0;   // of all files in all live snapshots
  std::uint64_t bytes_newest = 0;  // of the newest snapshot of each source
  std::uint64_t packs = 0;
  std::uint64_t pack_bytes = 0;
  std::uint64_t blocks = 0;
  std::uint64_t entries = 0;  // of the journal

  struct Source {
    std::string name;
    std::uint64_t snapshots = 0;
    std::uint64_t bytes_newest = 0;
    std::uint64_t bytes_stored = 0;  // that its backups added
  };

  std::vector<Source> sources;
};

RepositoryStatistics count_repository(Repository& repository);

}  // namespace kist
