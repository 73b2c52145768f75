// What a restore writes to: a tree below one directory. Every path is resolved beneath it without
// following a link, so a hostile archive or a link planted meanwhile leads nowhere else. What is
// made has a partial name until it is whole, metadata included, and then takes its name and the
// place of what stood there at once: a restore that is cut off leaves no half file under a name
// that counts. Metadata that the target refuses is counted by kind, never fatal.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/disk/tree.h"
#include "engine/base/entry.h"
#include "engine/base/random.h"

namespace kist {

// What becomes of names that exist in the target.
enum class Overwrite : std::uint8_t {
  if_changed,  // what has the entry's type, size and modification time is right; the rest is
               // replaced
  always,      // replaced, whatever it is
  never,       // left as it is
};

struct TargetOptions {
  bool numeric_ids = false;  // owners by number, even where their name exists here
  Overwrite overwrite = Overwrite::if_changed;
  bool is_dry_run = false;                            // only looks; the target exists
  std::size_t names_bytes_max = names_bytes_default;  // of a directory's names, held at a time
};

// How the target stands to an entry before it is written, by what has the entry's name there.
enum class Standing : std::uint8_t {
  absent,  // nothing has it: the entry is created
  right,   // what has it is as the entry says: left as it is
  other,   // what has it differs: replaced, where TargetOptions::overwrite allows it
};

// Keeps the last parent directory open: entries come mostly directory by directory.
class ParentCache {
 public:
  explicit ParentCache(const Directory& root) : root_(root) {}

  const Directory& parent_of(std::string_view path);

  void forget() { open_.reset(); }

 private:
  const Directory& root_;
  std::string path_;
  std::optional<Directory> open_;
};

class TreeWriter {
 public:
  // The directory is made where it does not exist. Removes what a restore that was cut off has left
  // in it under partial names, as make_directory() does in those below.
  TreeWriter(const std::string& target, const TargetOptions& options, Random& random);

  [[nodiscard]] const Directory& root() const { return root_; }

  // Each takes an entry whose path is relative to the target. `parents` belongs to one thread.
  // What replaces something removes no directory that holds anything.
  void make_directory(ParentCache& parents, const Entry& entry);
  // Entries come in manifest order, each after the directory that it stands in.
  [[nodiscard]] Standing look(ParentCache& parents, const Entry& entry);
  // Throws Error{failed} unless what is there may be replaced; makes that possible.
  void prepare_replacing(ParentCache& parents, const Entry& entry) const;

  // A new file under a partial name, which is returned through `partial`.
  File begin_file(ParentCache& parents, const Entry& entry, std::string& partial);
  File reopen_file(ParentCache& parents, const Entry& entry, const std::string& partial);

  // What was begun, and how its name stood when it was: a name that was absent then is not
  // replaced, so two that a file system takes for one do not swallow each other.
  struct Begun {
    const std::string& partial;
    Standing standing = Standing::absent;
  };

  // Its metadata, then its name.
  void finish_file(ParentCache& parents, const File& file, const Entry& entry, const Begun& begun);
  void discard_file(ParentCache& parents, const Entry& entry, const std::string& partial);
  // A symlink, fifo, socket or device, with its metadata.
  void make_other(ParentCache& parents, const Entry& entry, Standing standing);
  void make_hard_link(ParentCache& parents, const Entry& entry, Standing standing);
  // What is right already gets the entry's metadata.
  void adopt(ParentCache& parents, const Entry& entry);

  void finish_directory(const Entry& entry);
  // Inode flags come last: they may forbid everything else.
  void finish_flags(ParentCache& parents, const Entry& entry);
  // The target's own entry may come with it only if the target was made for it.
  [[nodiscard]] bool takes_metadata(const std::string& path) const;
  // All is done: the mark by which a restore that is run again knows that the target is its own.
  void finish();

  // Removes a path with all below it but the paths that `keeps` holds for, following no link and
  // leaving what is mounted there alone. Adds what was removed to `removed`: the path itself, or,
  // if something of it was kept, what went of it. Whether nothing was left.
  bool remove_all(const std::string& path,
                  const std::function<bool(const std::string&)>& keeps,
                  std::vector<std::string>& removed);

  // What could not be set: kind → (how often, the first reason).
  struct Refused {
    std::uint64_t count = 0;
    std::string first_path;
    std::string reason;
  };

  [[nodiscard]] std::map<std::string, Refused> refused() const;

  // Directories that existed before and were left as they were; with Overwrite::never.
  [[nodiscard]] const std::set<std::string>& found() const { return found_; }

 private:
  [[nodiscard]] bool is_fresh(std::string_view directory) const;
  std::string new_partial_name();
  void put_in_place(const Directory& parent, const Begun& begun, const Entry& entry) const;
  Entry localise(const Entry& entry);
  void note(const std::vector<Refusal>& refusals, const Entry& entry);

  TargetOptions options_;
  bool is_new_;
  Directory root_;
  File mark_;
  std::string run_;  // part of this run's partial names
  std::atomic<std::uint64_t> partial_count_{0};

  struct Level {
    std::string path;
    bool is_fresh = false;  // made here: it holds nothing but what was put there
  };

  std::vector<Level> levels_;  // the directories that lead to where make_directory() was last asked
  mutable std::mutex mutex_;
  std::map<std::string, std::optional<std::uint32_t>> users_;
  std::map<std::string, std::optional<std::uint32_t>> groups_;
  std::map<std::string, Refused> refused_;
  std::set<std::string> found_;
};

// Whether a name is one that a restore gives to what is not whole yet.
bool is_partial_name(std::string_view name);

}  // namespace kist
