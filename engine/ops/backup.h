// A backup: source tree in, snapshot out. docs/architecture.md, "From files to packs".
#pragma once

#include <string>
#include <vector>

#include "engine/format/snapshot.h"
#include "engine/repository/repository.h"

namespace kist {

struct BackupOptions {
  std::vector<std::string> paths;
  std::string source;  // empty: host and a hash of the paths
  std::string host;    // empty: this machine's
  std::vector<std::string> tags;
  std::string description;
  int compression = -1;  // -1: the repository's
  unsigned threads = 0;  // 0: one a processor
};

struct BackupResult {
  SnapshotId snapshot;
  std::string source;
  std::uint64_t sequence = 0;  // of the journal entry
  SnapshotStatistics statistics;
  std::uint64_t files_opened = 0;
};

// Error{refused} without the capability `write`. Paths that could not be read are told to the
// observer and counted; the snapshot is made all the same.
BackupResult backup(Repository& repository, const BackupOptions& options);

}  // namespace kist
