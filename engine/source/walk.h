// Walks what is to be backed up: depth first, names sorted bytewise, so entries come in manifest
// order. Never follows a link. The directories that lead to a given path are entries too; of those
// nothing else is taken.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/disk/tree.h"
#include "engine/base/observer.h"

namespace kist {

struct WalkItem {
  std::string path;  // as in Entry: without a leading slash
  std::string name;  // below `parent`; empty for the root
  FileStatus status;
  std::shared_ptr<const Directory> parent;  // null for the root
  std::shared_ptr<const Directory> self;    // a directory, open; null when it could not be opened
};

class Walker {
 public:
  // `paths` are absolute. What cannot be read goes to the observer, and the walk goes on;
  // Error{missing} when one of the paths does not exist.
  Walker(const std::vector<std::string>& paths, Observer& observer);
  std::optional<WalkItem> next();

  [[nodiscard]] std::uint64_t problem_count() const { return problem_count_; }

 private:
  struct Frame {
    std::shared_ptr<const Directory> directory;
    std::string path;
    std::vector<std::string> names;
    std::size_t next = 0;
  };

  void enter(const WalkItem& item);
  [[nodiscard]] std::vector<std::string> names_in(const Directory& directory,
                                                  const std::string& path) const;
  std::optional<WalkItem> visit(Frame& frame, const std::string& name);
  void report(const std::string& path, const Error& error);

  std::vector<std::string> roots_;  // relative, sorted; none within another
  Observer& observer_;
  std::vector<Frame> stack_;
  bool has_begun_ = false;
  std::uint64_t problem_count_ = 0;
};

// The path as it is backed up: absolute, its directories free of links, itself not followed.
std::string resolve_source_path(const std::string& path);

}  // namespace kist
