// A restore: planned window by window from the manifest, so memory stays bounded; each frame is
// opened once a window; files are written in parallel; a directory gets its metadata when all that
// belongs in it is there, inode flags come after everything else.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/base/path_filter.h"
#include "engine/destination/tree_writer.h"
#include "engine/repository/repository.h"

namespace kist {

// What a restore does to one path of the target.
enum class RestoreAction : std::uint8_t { create, replace, remove };

struct RestoreOptions {
  SnapshotId snapshot;
  std::string path;    // within the snapshot, as in Entry; empty: all of it
  std::string target;  // a directory of this machine
  TargetOptions tree;
  PathFilter filter;     // of paths as the snapshot has them
  bool deletes = false;  // names in restored directories that the snapshot does not have
  // Absolute paths of this machine that are never deleted, nor anything that leads to them: the
  // repository itself, say.
  std::vector<std::string> protects;
  bool deletes_excluded = false;  // even what the backup left out by its options
  bool verifies = false;  // reads all files again afterwards and compares them with the snapshot
  bool is_dry_run = false;
  unsigned threads = 0;
  // Hears of each change, with the path in the target; in a dry run, of what would be changed.
  std::function<void(RestoreAction, const std::string&)> on_change;
};

struct RestoreResult {
  std::uint64_t files = 0;            // right at the end: written, or found to be right
  std::uint64_t files_unchanged = 0;  // of these: found to be right
  std::uint64_t directories = 0;
  std::uint64_t others = 0;
  std::uint64_t bytes = 0;
  std::uint64_t replaced = 0;  // names that stood for something else
  std::uint64_t deleted = 0;
  std::uint64_t verified = 0;  // files read again and compared
  std::uint64_t torn = 0;      // files that changed while they were backed up
  std::uint64_t problems = 0;  // entries that are not there as they should be
  std::uint64_t damaged = 0;   // of these: because the repository is damaged
  std::uint64_t frames_read = 0;
  std::vector<std::string>
      refused;  // kinds of metadata that the target did not take, one line each
};

// What cannot be written, or is damaged, goes to the observer and the rest goes on. Error{failed}
// when the snapshot has no such path, or the target has no room: then nothing was written.
RestoreResult restore(Repository& repository, const RestoreOptions& options);

}  // namespace kist
