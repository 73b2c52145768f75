// Walks what is to be backed up: depth first, names sorted bytewise, so entries come in manifest
// order. Never follows a link. The directories that lead to a given path are entries too; of those
// nothing else is taken. What a filter leaves out is not looked at.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/disk/tree.h"
#include "engine/base/path_filter.h"

namespace kist {

// What of a source is taken. The paths that a backup is given are taken whatever the filter says.
struct WalkOptions {
  PathFilter filter;
  bool one_file_system =
      false;  // a mount point is an entry, what is mounted there is not looked at
  bool excludes_caches = false;  // of a directory with a valid CACHEDIR.TAG, only that file
  std::vector<std::string> exclude_if_present;        // a directory that has such a name: only that
  std::uint64_t exclude_larger_than = 0;              // files of more bytes; 0: none
  std::size_t names_bytes_max = names_bytes_default;  // of a directory's names, held at a time
};

struct WalkItem {
  std::string path;  // as in Entry: without a leading slash
  std::string name;  // below `parent`; empty for the root
  FileStatus status;
  std::shared_ptr<const Directory> parent;  // null for the root
  std::shared_ptr<const Directory> self;    // a directory, open; null when it could not be opened
};

// Hears of what cannot be read; the walk goes on.
using ReportProblem = std::function<void(const std::string& path, const Error& error)>;

class Walker {
 public:
  // `paths` are absolute, as resolve_source_path() makes them.
  Walker(const std::vector<std::string>& paths, WalkOptions options, ReportProblem report);
  std::optional<WalkItem> next();

 private:
  struct Frame {
    std::shared_ptr<const Directory> directory;
    std::string path;
    NameReader names;
    PathFilter::Scope scope;
    std::uint64_t device = 0;
    bool is_whole = false;             // its names are listed; else only those that lead on
    std::optional<WalkItem> withheld;  // its own item, until something below it is taken
  };

  [[nodiscard]] bool is_given(std::string_view path) const;
  [[nodiscard]] bool leads_to_given(std::string_view path) const;
  [[nodiscard]] std::vector<std::string> names_leading_on(const std::string& path) const;
  [[nodiscard]] NameReader names_in(const Frame& frame) const;
  [[nodiscard]] std::optional<std::string> next_name();
  [[nodiscard]] bool is_too_large(const FileStatus& status) const;
  void visit(const std::string& name);
  void enter(WalkItem item, Frame frame, bool is_taken);
  void emit(WalkItem item);

  std::vector<std::string> given_;  // relative, in manifest order
  const WalkOptions options_;
  ReportProblem report_;
  std::vector<Frame> stack_;
  std::deque<WalkItem> ready_;
  bool has_begun_ = false;
};

// The path as it is backed up: absolute, its directories free of links, itself not followed.
// Error{failed} when it does not exist.
std::string resolve_source_path(const std::string& path);

}  // namespace kist
