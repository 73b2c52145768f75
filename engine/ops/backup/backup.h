// A backup: source tree in, snapshot out. docs/architecture.md, "A backup".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/catalog/damage_record.h"
#include "engine/format/snapshot.h"
#include "engine/ops/backup/source_reader.h"
#include "engine/repository/repository.h"
#include "engine/source/walk.h"

namespace kist {

struct BackupOptions {
  std::vector<std::string> paths;
  WalkOptions walk;
  std::optional<StreamInput> stream;  // instead of paths
  std::string source;                 // empty: host and a hash of the paths
  std::string host;                   // empty: this machine's
  std::vector<std::string> tags;
  std::string description;
  std::optional<std::int64_t> time_ms;  // that the snapshot is said to be of; else now
  int compression = -1;                 // -1: the repository's
  unsigned threads = 0;                 // 0: one a processor
  bool is_dry_run = false;              // reads and looks up, stores nothing
  // Relies on nothing that was stored before: all files are read, and each block is stored again
  // once. A backup that was cut off in this mode goes on in it: what it had stored is relied on.
  bool stores_again = false;
  // Bytes of new blocks after which a pending snapshot is made, at the least; 0: 1 GiB. Later ones
  // come after a sixteenth of what was new so far, up to 16 GiB.
  std::uint64_t pending_bytes = 0;
};

struct BackupResult {
  SnapshotId snapshot;  // of a dry run: of no snapshot
  std::string source;
  std::uint64_t sequence = 0;   // of the journal entry
  std::int64_t started_ms = 0;  // the time that the snapshot is of
  SnapshotStatistics statistics;
  std::uint64_t files_opened = 0;
  std::int64_t duration_ms = 0;
  std::uint64_t pending_snapshots = 0;
  bool has_resumed = false;  // it went on from where a backup that was cut off had come to
  // Packs that earlier backups rely on, and that this one was the first of this machine to find
  // gone or of another size: older snapshots are hurt.
  DamagedPacks lost_packs;
  // Blocks that were stored again because what has them is damaged or gone.
  std::uint64_t blocks_stored_again = 0;
};

// Error{refused} without the capability `write`. Paths that could not be read are told to the
// observer, counted, and named in the snapshot, which is made all the same.
//
// Now and then, and when a person asks to stop, what is there so far is committed as a pending
// snapshot: Interrupted then says what is kept, and the next backup of the source goes on
// from there.
BackupResult backup(Repository& repository, const BackupOptions& options);

}  // namespace kist
