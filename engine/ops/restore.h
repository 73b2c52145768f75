// A restore: planned window by window from the manifest, so memory stays bounded; each frame is
// opened once a window; files are written in parallel; metadata comes last, directories from the
// deepest up.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/repository/repository.h"

namespace kist {

struct RestoreOptions {
  SnapshotId snapshot;
  std::string path;    // within the snapshot, as in Entry; empty: all of it
  std::string target;  // a directory of this machine
  bool numeric_ids = false;
  unsigned threads = 0;
};

struct RestoreResult {
  std::uint64_t files = 0;
  std::uint64_t directories = 0;
  std::uint64_t others = 0;
  std::uint64_t bytes = 0;
  std::uint64_t problems = 0;  // entries that are not there as they should be
  std::uint64_t damaged = 0;   // of these: because the repository is damaged
  std::uint64_t frames_read = 0;
  std::vector<std::string>
      refused;  // kinds of metadata that the target did not take, one line each
};

// What cannot be written, or is damaged, goes to the observer and the rest goes on. What exists in
// the target is left as it is. Error{missing} when the snapshot has no such path.
RestoreResult restore(Repository& repository, const RestoreOptions& options);

}  // namespace kist
