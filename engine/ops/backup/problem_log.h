// The paths that a backup could not read as they were. Each is reported to the observer at once and
// counted; the first ones in path order are kept for the snapshot, so that those do not depend on
// the order in which threads meet them. Thread-safe.
#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/entry.h"
#include "engine/base/observer.h"
#include "engine/format/snapshot.h"

namespace kist {

class ProblemLog {
 public:
  explicit ProblemLog(Observer& observer) : observer_(observer) {}

  // `path` is as in Entry.
  void report(const std::string& path, const Error& error);

  [[nodiscard]] std::uint64_t count() const;
  // In path order; at most as many, and as large, as a snapshot's body takes.
  [[nodiscard]] std::vector<SnapshotProblem> kept() const;
  // The same of paths up to `last`: all of them are known once its entry is.
  [[nodiscard]] std::vector<SnapshotProblem> kept_up_to(std::string_view last) const;

 private:
  Observer& observer_;
  mutable std::mutex mutex_;
  std::uint64_t count_ = 0;

  struct InPathOrder {
    bool operator()(const SnapshotProblem& a, const SnapshotProblem& b) const {
      const int order = compare_paths(a.path, b.path);
      return order == 0 ? a.text < b.text : order < 0;
    }
  };

  std::set<SnapshotProblem, InPathOrder> kept_;
};

}  // namespace kist
