// What a restore writes to: a tree below one directory. Every path is resolved beneath it without
// following a link, so a hostile archive or a link planted meanwhile leads nowhere else. What was
// looked at is what is changed, by descriptor, whatever its name leads to by then. What is made has
// a partial name until it is whole, metadata included, and then takes its name and the place of
// what stood there at once: a restore that is cut off leaves no half file under a name that counts.
// Metadata that the target refuses is counted by kind, never fatal.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/disk/tree.h"
#include "engine/base/entry.h"
#include "engine/base/random.h"

namespace kist {

// What becomes of names that exist in the target.
enum class Overwrite : std::uint8_t {
  if_changed,  // what has the entry's type, size and modification time, and is nobody else's, is
               // right; the rest is replaced
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

// Where an entry goes: the directory that its name stands in.
struct Spot {
  InodeId directory;
  bool is_fresh = false;  // made by this restore: it holds nothing but what was put there
};

// What was looked at before an entry is written. A user of the target may give the name to
// something else at any moment, so whoever changes or replaces what stands there takes this, not
// the name.
struct Found {
  Standing standing = Standing::absent;
  std::optional<Inode> inode;  // what has the name; nothing where nothing has it
  Spot spot;
};

// Keeps the last parent directory open: entries come mostly directory by directory.
class ParentCache {
 public:
  explicit ParentCache(const Directory& root) : root_(root) {}

  // The directory above that path. Throws Error{failed} where its name leads to another than
  // `expected` now.
  const Directory& parent_of(std::string_view path, const InodeId& expected);
  // Whichever it is.
  const Directory& parent_of(std::string_view path);

 private:
  const Directory& root_;
  std::string path_;
  std::optional<Directory> open_;
  InodeId identity_;
};

class TreeWriter {
 public:
  // Hears of a directory whose metadata could not be set, by its entry.
  using Report = std::function<void(const Entry&, const Error&)>;

  // The directory is made where it does not exist. Removes what a restore that was cut off has left
  // in it under partial names, as make_directory() does in those below.
  TreeWriter(const std::string& target, const TargetOptions& options, Random& random);

  [[nodiscard]] const Directory& root() const { return root_; }

  // Each takes an entry whose path is relative to the target. `parents` belongs to one thread.
  // What replaces something removes no directory that holds anything.

  // Entries come in manifest order, each after the directory that it stands in, from one thread.
  [[nodiscard]] Spot spot_of(ParentCache& parents, const Entry& entry);
  // Its metadata is set by finish_left(), once the directory was left. False: it was there before,
  // and its metadata is left alone.
  bool make_directory(ParentCache& parents, const Entry& entry, const Found& found);

  // The directories that no entry can follow in any more: those before the last spot.
  [[nodiscard]] std::size_t left_count() const { return left_.size(); }

  // The same of all but the target itself: there are no entries to come.
  void leave_all();
  // Sets the metadata of the directories that were left, once all that belongs in them is there.
  void finish_left(const Report& report);
  // The target's own metadata, where the target was made for it, and the end of the mark by which a
  // restore that is run again knows that the target is its own.
  void finish_root(const Report& report);
  // The same without an entry for the target.
  void finish();

  [[nodiscard]] Found look(ParentCache& parents, const Entry& entry, const Spot& spot);
  // Throws Error{failed} unless what was found may be replaced; makes that possible.
  void prepare_replacing(const Found& found) const;
  // What is right already gets the entry's metadata.
  void adopt(const Found& found, const Entry& entry);

  // A file that is being written under a partial name.
  struct Begun {
    Spot spot;
    // How its own name stood before: one that was absent is not replaced, so two that a file system
    // takes for one do not swallow each other.
    Standing standing = Standing::absent;
    std::string partial;
    InodeId identity;
  };

  // Fills in the partial name and the identity.
  File begin_file(ParentCache& parents, const Entry& entry, Begun& begun);
  // Throws Error{failed} where the partial name leads to something else now.
  File reopen_file(ParentCache& parents, const Entry& entry, const Begun& begun);
  // Its metadata, then its name.
  void finish_file(ParentCache& parents, const File& file, const Entry& entry, const Begun& begun);
  void discard_file(ParentCache& parents, const Entry& entry, const Begun& begun);
  // A symlink, fifo, socket or device, with its metadata.
  void make_other(ParentCache& parents, const Entry& entry, const Found& found);
  // A further name of what stands at `entry.link_target` if that is as its own entry, `first`,
  // says.
  void make_hard_link(ParentCache& parents,
                      const Entry& entry,
                      const Found& found,
                      const Entry& first);
  // Inode flags of a file or directory come last: they may forbid everything else.
  void finish_flags(ParentCache& parents, const Entry& entry);

  // Removes a path with all below it but the paths that `keeps` holds for, following no link and
  // leaving what is mounted there alone. `directory` is the one that it was listed in. Adds what
  // was removed to `removed`: the path itself, or, if something of it was kept, what went of it.
  // Whether nothing was left.
  bool remove_all(const std::string& path,
                  const InodeId& directory,
                  const std::function<bool(const std::string&)>& keeps,
                  std::vector<std::string>& removed);

  // What could not be set: kind → (how often, the first reason).
  struct Refused {
    std::uint64_t count = 0;
    std::string first_path;
    std::string reason;
  };

  [[nodiscard]] std::map<std::string, Refused> refused() const;

  // Directories that existed before and were left as they were, with Overwrite::never.
  [[nodiscard]] const Refused& left_alone() const { return left_alone_; }

 private:
  // A directory that leads to where the last entry goes.
  struct Level {
    std::string path;
    InodeId identity;
    bool is_fresh = false;
    std::optional<Entry> entry;  // whose metadata it gets
  };

  std::string new_partial_name();
  [[nodiscard]] bool may_take(const FileStatus& parent,
                              const FileStatus& present,
                              const Entry& entry);
  void put_in_place(const Directory& parent,
                    const std::string& partial,
                    Standing standing,
                    const Entry& entry) const;
  [[nodiscard]] bool is_right(const Inode& inode, const Entry& entry);
  [[nodiscard]] static bool has_content(const Inode& inode, const Entry& entry);
  [[nodiscard]] bool is_restored(const FileStatus& status, const Entry& entry);
  [[nodiscard]] bool is_same_file(const Inode& inode, const std::string& path) const;
  bool remove_below(const Directory& parent,
                    const std::string& path,
                    const std::function<bool(const std::string&)>& keeps,
                    std::vector<std::string>& removed);
  Entry localise(const Entry& entry);
  void note(const std::vector<Refusal>& refusals, const Entry& entry);

  TargetOptions options_;
  bool is_new_;
  Directory root_;
  File mark_;
  std::string run_;  // part of this run's partial names
  std::atomic<std::uint64_t> partial_count_{0};
  std::vector<Level> levels_;  // the first is the target
  std::vector<Level> left_;
  mutable std::mutex mutex_;
  std::map<std::string, std::optional<std::uint32_t>> users_;
  std::map<std::string, std::optional<std::uint32_t>> groups_;
  std::map<std::string, Refused> refused_;
  Refused left_alone_;
};

// Whether a name is one that a restore gives to what is not whole yet.
bool is_partial_name(std::string_view name);

}  // namespace kist
