// What every run begins with: a repository of five machines, each of which has been at work in it.
// Made once in a process, and copied for each run.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/pinned.h"
#include "engine/engine.h"
#include "tests/simulation/objects.h"
#include "tests/simulation/plan.h"
#include "tests/simulation/trees.h"

namespace kist::test {

// A directory that only this process uses, at a path that is the same in each run: the path is in
// every snapshot, and a run is to be a function of its seed.
class Place : private Pinned {
 public:
  // KIST_PLACE, or the first free one in memory.
  Place();
  ~Place();

  [[nodiscard]] const std::string& path() const { return path_; }

  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
  int lock_ = -1;
};

// The credential of a machine; of the second writer, whose slots are replaced, the number of those
// before.
Credential credential_of(unsigned machine, unsigned generation = 0);
std::string slot_name(unsigned machine, unsigned generation = 0);
std::string source_name(unsigned machine, unsigned generation = 0);

class Beginning : private Pinned {
 public:
  explicit Beginning(const Place& place);

  // The state directories and trees as they were made, in the place of what the last run left.
  void restore_files() const;

  [[nodiscard]] const ObjectMap& objects() const { return objects_; }

  [[nodiscard]] const SimulatedTree& tree(unsigned machine) const { return trees_[machine]; }

  [[nodiscard]] const Place& place() const { return place_; }

  // Of each machine whose tree was backed up: its snapshot.
  [[nodiscard]] const std::vector<SnapshotId>& snapshots() const { return snapshots_; }

  [[nodiscard]] std::int64_t end_ms() const { return end_ms_; }

 private:
  const Place& place_;
  ObjectMap objects_;
  std::vector<SimulatedTree> trees_;
  std::vector<SnapshotId> snapshots_;
  std::int64_t end_ms_ = 0;
};

// The state directory of a machine; of number machine_count, of who watches.
std::string state_path(const Place& place, unsigned machine);
std::string tree_path(const Place& place, unsigned machine);

}  // namespace kist::test
