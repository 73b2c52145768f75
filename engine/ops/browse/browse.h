// Looking at what is stored: the snapshot that a text selects, its entries, one file's bytes, sums.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/entry.h"
#include "engine/format/snapshot.h"
#include "engine/repository/repository.h"

namespace kist {

// Which snapshot and path "SNAPSHOT[:PATH]" means. SNAPSHOT is an id or its first digits, "latest",
// "latest@SOURCE", a time ("2026-11-22T08:00", local, or "3d ago"): the newest not after it.
struct Selection {
  SnapshotPtr snapshot;
  std::string path;  // as in Entry
};

Selection select(const Repository& repository, const std::string& text);

// "2026-11-22", "2026-11-22T08:00", "2026-11-22 08:00:30", local time, in milliseconds since 1970;
// of a day or minute its end.
std::optional<std::int64_t> parse_local_time(const std::string& text);

struct SnapshotSummary {
  SnapshotPtr state;
  std::optional<SnapshotBody> body;              // for slots that read
  std::optional<SnapshotStatistics> statistics;  // none: the snapshot cannot be read
};

// Live snapshots in journal order. One that cannot be read is told to the observer, and the others
// are listed all the same.
std::vector<SnapshotSummary> list_snapshots(Repository& repository);

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
