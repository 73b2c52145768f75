// The entries of a snapshot that a restore takes: those at and below one path, less what a filter
// leaves out.
#pragma once

#include <functional>
#include <string>

#include "engine/base/observer.h"
#include "engine/base/path_filter.h"
#include "engine/repository/snapshot_tree.h"

namespace kist {

class SelectedEntries {
 public:
  // All of them outlive it. `path` is one of the snapshot's; empty: all of it.
  SelectedEntries(Observer& observer,
                  const SnapshotTree& tree,
                  const std::string& path,
                  const PathFilter& filter)
      : observer_(observer), tree_(tree), path_(path), filter_(filter) {}

  // Calls `each` for the selected entries, in manifest order or from the last to the first:
  //
  //   an excluded entry           is passed over, and what lies below it
  //   an included entry           is selected
  //   any other directory         is selected with the first selected entry below it: just before
  //                               that in manifest order, after it in the other order
  //   any other entry             is passed over (there are include patterns, and none matches)
  void for_each(ManifestReader::Order order, const std::function<void(const Entry&)>& each) const;

  // Whether the file at that path is selected.
  [[nodiscard]] bool has(const std::string& path) const;

 private:
  void for_each_forward(const std::function<void(const Entry&)>& each) const;
  void for_each_backward(const std::function<void(const Entry&)>& each) const;

  Observer& observer_;
  const SnapshotTree& tree_;
  const std::string& path_;
  const PathFilter& filter_;
};

}  // namespace kist
