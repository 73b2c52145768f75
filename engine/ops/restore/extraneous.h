// The names in a target that a snapshot does not have: both are walked in the same order, so all
// that is held in memory is parts of the listings of the directories that lead to one path. Nothing
// is removed here.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/disk/tree.h"
#include "engine/base/entry.h"

namespace kist {

class Extraneous {
 public:
  // Hears of a path, and of the directory that its name was listed in.
  using Each = std::function<void(const std::string& path, const InodeId& directory)>;

  // Calls `each` with every name that is only in the target; what lies below it is not told apart.
  // Of a directory's names, `names_bytes_max` bytes are held at a time.
  Extraneous(const Directory& target, std::size_t names_bytes_max, Each each);

  // Takes the snapshot's entries in manifest order, paths relative to the target. A directory of
  // which the snapshot has not all (`is_whole` is false), and one on another file system, holds
  // nothing that is too much.
  void add(const Entry& entry, bool is_whole);
  void finish();

 private:
  struct Frame {
    std::string path;
    InodeId directory;
    NameReader names;
  };

  void enter(const std::string& path);
  void leave();
  void pass(Frame& frame, std::string_view path);

  const Directory& target_;
  std::uint64_t mount_;
  std::size_t names_bytes_max_;
  Each each_;
  std::vector<Frame> stack_;
};

}  // namespace kist
