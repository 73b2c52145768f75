// What a restore writes to: a tree below one directory. Every path is resolved beneath it without
// following a link, so a hostile archive or a link planted meanwhile leads nowhere else. Nothing
// that exists is replaced. Metadata that the target refuses is counted by kind, never fatal.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "engine/base/disk/tree.h"
#include "engine/base/entry.h"

namespace kist {

// Keeps the last parent directory open: entries come mostly directory by directory.
class ParentCache {
 public:
  explicit ParentCache(const Directory& root) : root_(root) {}

  const Directory& parent_of(std::string_view path);

 private:
  const Directory& root_;
  std::string path_;
  std::optional<Directory> open_;
};

class TreeWriter {
 public:
  // The directory is made where it does not exist.
  explicit TreeWriter(const std::string& target, bool numeric_ids);

  [[nodiscard]] const Directory& root() const { return root_; }

  // Whether the directory was made here: only then does it take the metadata of what it shows.
  [[nodiscard]] bool was_made(const std::string& path) const;

  // Each takes an entry whose path is relative to the target. `parents` belongs to one thread.
  void make_directory(ParentCache& parents, const Entry& entry);
  File create_file(ParentCache& parents, const Entry& entry);
  File reopen_file(ParentCache& parents, const Entry& entry);
  // A symlink, fifo, socket or device, with its metadata.
  void make_other(ParentCache& parents, const Entry& entry);
  void make_hard_link(ParentCache& parents, const Entry& entry);
  // Removes a file that this restore has begun and could not finish.
  void discard_file(ParentCache& parents, const Entry& entry);

  void finish_file(const File& file, const Entry& entry);
  void finish_directory(const Entry& entry);

  // What could not be set: kind → (how often, the first reason).
  struct Refused {
    std::uint64_t count = 0;
    std::string first_path;
    std::string reason;
  };

  [[nodiscard]] std::map<std::string, Refused> refused() const;

  // Directories that existed before and were left as they were; the target itself not counted.
  [[nodiscard]] const std::set<std::string>& found() const { return found_; }

 private:
  Entry localise(const Entry& entry);
  void note(const std::vector<Refusal>& refusals, const Entry& entry);

  bool is_new_;
  Directory root_;
  bool numeric_ids_;
  mutable std::mutex mutex_;
  std::map<std::string, std::optional<std::uint32_t>> users_;
  std::map<std::string, std::optional<std::uint32_t>> groups_;
  std::map<std::string, Refused> refused_;
  std::set<std::string> found_;  // directories that existed before
};

}  // namespace kist
