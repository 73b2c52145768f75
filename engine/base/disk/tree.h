// Trees by descriptor: reading a source and writing a target without ever following a link. Names
// are single components; nothing here takes a path that could lead elsewhere, except the root
// itself. A name can lead to something else from one system call to the next, so metadata is set
// through a descriptor alone: that of an open file or directory, or a Inode, which holds what must
// not be opened.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/disk/file.h"
#include "engine/base/entry.h"

namespace kist {

// How many bytes of one directory's names are held at a time, where the caller gives no other
// bound.
inline constexpr std::size_t names_bytes_default = std::size_t{16} << 20U;

// Which file, directory or other something is: no other has the same identity for as long as a
// descriptor of it is open.
struct InodeId {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  bool operator==(const InodeId&) const = default;
};

// What statx tells of one name.
struct FileStatus {
  EntryType type = EntryType::file;
  std::uint16_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t size = 0;
  std::uint64_t allocated = 0;  // bytes on disk: less than size when there are holes
  Timestamp mtime;
  Timestamp ctime;
  std::uint64_t inode = 0;
  std::uint64_t device = 0;
  std::uint64_t mount = 0;  // what it is mounted as: bind mounts of one device differ
  std::uint64_t link_count = 1;
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;

  [[nodiscard]] InodeId identity() const { return {device, inode}; }
};

// Some of a directory's names, bytewise ascending, in little more memory than their bytes.
class NameList {
 public:
  NameList() = default;
  // All of these, which are in order.
  explicit NameList(const std::vector<std::string>& names);

  [[nodiscard]] std::size_t size() const { return starts_.size(); }

  [[nodiscard]] std::string_view operator[](std::size_t i) const {
    return text_.data() + starts_[i];
  }

  // False: more names follow the last of these.
  [[nodiscard]] bool is_complete() const { return is_complete_; }

 private:
  friend class Directory;

  void add(std::string_view name);
  void sort();
  void keep_first_half();

  std::string text_;  // each name and a NUL
  std::vector<std::uint32_t> starts_;
  bool is_complete_ = true;
};

// What a name led to when it was held, whatever the name leads to afterwards. Nothing was opened: a
// device does not notice.
class Inode {
 public:
  // As it was when it was held.
  [[nodiscard]] const FileStatus& status() const { return status_; }

  [[nodiscard]] const std::string& path() const { return path_; }

  // Opens it, a regular file, for reading.
  [[nodiscard]] File open_file() const;
  [[nodiscard]] std::string read_link() const;
  [[nodiscard]] std::vector<Xattr> xattrs() const;

  [[nodiscard]] int fd() const { return descriptor_.fd(); }

  // A path of this process that leads to the inode itself, a link included.
  [[nodiscard]] std::string proc_path() const;

 private:
  friend class Directory;

  Inode(Descriptor descriptor, std::string path);

  Descriptor descriptor_;
  std::string path_;
  FileStatus status_;
};

class Directory {
 public:
  // Opens a directory by path; a link as the last component is followed.
  static Directory open(const std::string& path);

  [[nodiscard]] const std::string& path() const { return path_; }

  [[nodiscard]] int fd() const { return descriptor_.fd(); }

  // Reading. Nothing follows a link. An absent name is Error{failed}, but for find().
  // Every name but . and .. once or, while the directory changes, twice; in no order.
  void for_each_name(const std::function<void(std::string_view)>& each) const;
  // The names after that one in bytewise order, as many as fit into so many bytes.
  [[nodiscard]] NameList names(std::string_view after = {},
                               std::size_t bytes_max = names_bytes_default) const;
  [[nodiscard]] FileStatus status(const std::string& name) const;
  [[nodiscard]] std::optional<FileStatus> find(const std::string& name) const;  // empty: absent
  [[nodiscard]] FileStatus own_status() const;
  [[nodiscard]] std::optional<Inode> hold(const std::string& name) const;  // empty: absent
  [[nodiscard]] Directory open_directory(const std::string& name) const;
  // Opens a regular file for reading; does not move its access time where the system allows that.
  [[nodiscard]] File open_file(const std::string& name) const;
  [[nodiscard]] std::string read_link(const std::string& name) const;
  [[nodiscard]] std::vector<Xattr> xattrs(const std::string& name) const;
  [[nodiscard]] std::vector<Xattr> own_xattrs() const;
  [[nodiscard]] std::uint8_t own_flags() const;  // bits of Entry::flags
  // Held until this object goes; false when somebody else holds it. A file system that knows no
  // locks grants it.
  [[nodiscard]] bool try_lock() const;
  // Bytes that can still be written to this directory's file system.
  [[nodiscard]] std::uint64_t free_bytes() const;

  // Writing. Creating what exists is Error{failed}.
  // False when the directory exists already, which is fine.
  bool make_directory(const std::string& name, std::uint16_t mode = 0700) const;
  [[nodiscard]] File create_file(const std::string& name) const;  // mode 0600, must not exist
  [[nodiscard]] File open_file_for_writing(const std::string& name) const;
  void make_symlink(const std::string& name, const std::string& target) const;
  void make_special(const std::string& name, const Entry& entry) const;
  // A further name for an inode of the same file system.
  void make_hard_link(const Inode& existing, const std::string& name) const;
  void make_writable() const noexcept;         // adds rwx for its owner, where that is allowed
  void remove(const std::string& name) const;  // a file or link, or an empty directory
  // Gives what `from` names the name `to`. What `to` named before is replaced at once or not at
  // all, an empty directory first. With `keeps_existing`, false when `to` exists, and nothing has
  // changed.
  [[nodiscard]] bool rename(const std::string& from,
                            const std::string& to,
                            bool keeps_existing) const;
  // The directory `path` (components, no leading slash) below this one. openat2 with
  // RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS; component by component where the kernel has no
  // openat2.
  [[nodiscard]] Directory open_beneath(const std::string& path) const;

 private:
  Directory(Descriptor descriptor, std::string path)
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  Descriptor descriptor_;
  std::string path_;
};

// A directory's names one after another, in bytewise order. Of a huge directory a part is held at a
// time: it is read again for each.
class NameReader {
 public:
  // `list` gives the names after one, as Directory::names() does.
  explicit NameReader(std::function<NameList(const std::string& after)> list)
      : list_(std::move(list)) {}

  // No names.
  NameReader() : has_begun_(true) {}

  // These, which are in order, and no others.
  explicit NameReader(const std::vector<std::string>& names);

  // The next name, valid until next(); empty at the end.
  std::optional<std::string_view> peek();
  // The same, and goes on.
  std::optional<std::string> next();

 private:
  std::function<NameList(const std::string&)> list_;
  NameList part_;
  std::size_t at_ = 0;
  bool has_begun_ = false;
};

[[nodiscard]] FileStatus file_status(const File& file);
[[nodiscard]] std::vector<Xattr> file_xattrs(const File& file);
[[nodiscard]] std::uint8_t file_flags(const File& file);

// One kind of metadata that a target refused, with what the system said.
struct Refusal {
  std::string kind;  // "owner", "mode", "extended attribute user.x", "times"
  std::string reason;
};

// Makes owner, extended attributes, mode and times of an open file or directory those of the entry,
// in the order that loses none of them; what is right already is not touched. Attributes and ACLs
// that the entry lacks go. What is refused is returned, never thrown.
std::vector<Refusal> set_metadata(int fd, const Entry& entry);
// The same for what is not opened: a link, fifo, socket or device, or what may not be read.
std::vector<Refusal> set_metadata(const Inode& inode, const Entry& entry);
// Makes the inode flags those of `flags`, or clears what forbids changing the file.
std::vector<Refusal> set_flags(int fd, std::uint8_t flags);
void clear_locking_flags(int fd) noexcept;
// Puts back the mode and the modification time that a directory had.
void restore_status(const Directory& directory, const FileStatus& status) noexcept;

// Names of owners; empty when the number has none. Cached by the caller.
std::string user_name(std::uint32_t uid);
std::string group_name(std::uint32_t gid);
std::optional<std::uint32_t> user_number(const std::string& name);
std::optional<std::uint32_t> group_number(const std::string& name);
std::uint32_t own_user_number();  // of this process
std::string host_name();

}  // namespace kist
