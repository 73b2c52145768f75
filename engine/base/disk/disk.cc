#include "engine/base/disk/disk.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <mutex>
#include <optional>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/attempt.h"
#include "engine/base/disk/file.h"
#include "engine/base/disk/tree.h"
#include "engine/base/random.h"

namespace kist {

namespace {

// Files without O_TMPFILE get a name below tmp/ and hold a lock on it for as long as they are
// written: a leftover of a crash is one whose lock can be had. Files that are being replaced or
// removed go there as well. So whatever a crash leaves, it leaves in tmp/.
constexpr std::string_view temporary_directory = "tmp";
constexpr std::time_t leftover_seconds = 3600;

constexpr int read_attempts_max = 8;
// How deep a directory that is wiped may be nested: a descriptor is open for each level.
constexpr int nesting_max = 64;

// Whether the file system tells how many names a file has: where it has links and calls each file's
// only one, as sshfs does, a second name would go unseen. Asked once, with a file of its own.
class LinkCounts : private Pinned {
 public:
  [[nodiscard]] bool are_true(const Directory& temporary) {
    const std::lock_guard lock(mutex_);
    if (!are_true_) are_true_ = value_of([&] { return test(temporary); });
    return are_true_.value_or(false);
  }

 private:
  static bool test(const Directory& temporary);

  std::mutex mutex_;
  std::optional<bool> are_true_;
};

std::string draw_name() {
  std::array<std::uint8_t, 16> unique{};
  SystemRandom().fill(unique);
  return to_hex(unique.data(), unique.size());
}

bool LinkCounts::test(const Directory& temporary) {
  const std::string first = draw_name();
  const std::string second = draw_name();
  const File file = temporary.create_file(first);
  const bool is_linked =
      ::linkat(temporary.fd(), first.c_str(), temporary.fd(), second.c_str(), 0) == 0;
  const bool has_links = is_linked || (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS);
  const std::uint64_t count = file_status(file).link_count;
  temporary.remove(first);
  if (is_linked) temporary.remove(second);
  return !has_links || (is_linked && count == 2);
}

// Overwrites the file once with zeros and makes that durable, where it is a regular file that no
// other name leads to: the bytes behind another name are somebody else's copy, or an object that
// was just given its path.
void overwrite_only_link(const Directory& parent, const std::string& name) {
  // Looked at before it is opened: to open a device may do something.
  const std::optional<Inode> inode = parent.hold(name);
  if (!inode || inode->status().type != EntryType::file) return;
  const File file = parent.open_file_for_writing(name);
  const FileStatus status = file_status(file);
  if (status.identity() != inode->status().identity() || status.link_count != 1) return;
  const Bytes zeros(64U << 10U);
  for (std::uint64_t at = 0; at < status.size; at += zeros.size()) {
    const std::uint64_t size = std::min<std::uint64_t>(zeros.size(), status.size - at);
    file.write_at(at, View(zeros).first(size));
  }
  file.sync();
}

bool is_in_one_piece(const FileStatus& child, const FileStatus& parent) {
  return child.device == parent.device && child.mount == parent.mount;
}

// Error where a directory below that name is too deep, or where something is mounted: that is not
// the repository's to remove. Nothing has changed then.
void require_removable(const Directory& parent, const std::string& name, int depth) {
  const std::optional<FileStatus> status = parent.find(name);
  if (!status || status->type != EntryType::directory) return;
  const Directory directory = parent.open_directory(name);
  if (depth == nesting_max || !is_in_one_piece(directory.own_status(), parent.own_status())) {
    throw Error(Code::failed, concat("cannot remove ", directory.path(),
                                     ": it is nested too deeply, or something is mounted there; "
                                     "look at it, and remove it by hand"));
  }
  NameReader names([&](const std::string& after) { return directory.names(after); });
  while (const auto child = names.next()) {
    require_removable(directory, *child, depth + 1);
  }
}

class Wiper {
 public:
  // `overwrites`: link counts are true.
  explicit Wiper(bool overwrites) : overwrites_(overwrites) {}

  // Removes what the name leads to, a directory with all that is in it, through no link. A file
  // that cannot be overwritten is removed all the same.
  void wipe(const Directory& parent, const std::string& name) const {
    require_removable(parent, name, 0);
    wipe_below(parent, name);
  }

 private:
  void wipe_below(const Directory& parent, const std::string& name) const {
    const std::optional<FileStatus> status = parent.find(name);
    if (!status) return;
    if (status->type == EntryType::directory) {
      const Directory directory = parent.open_directory(name);
      NameReader names([&](const std::string& after) { return directory.names(after); });
      while (const auto child = names.next()) {
        wipe_below(directory, *child);
      }
    } else if (overwrites_) {
      try_to([&] { overwrite_only_link(parent, name); });
    }
    if (parent.find(name)) parent.remove(name);
  }

  bool overwrites_;
};

class LocalNewFile final : public NewFile {
 public:
  // Without a name.
  LocalNewFile(File file, std::string root) : file_(std::move(file)), root_(std::move(root)) {}

  LocalNewFile(
      File file, std::string root, Directory temporary, std::string name, LinkCounts& link_counts)
      : file_(std::move(file)),
        root_(std::move(root)),
        temporary_(std::move(temporary)),
        name_(std::move(name)),
        link_counts_(&link_counts) {}

  // What was to be published may have been, whatever was answered: then these bytes are an object.
  ~LocalNewFile() override {
    if (!temporary_ || is_renamed_) return;
    try_to(
        [&] { Wiper(!is_tried_ && link_counts_->are_true(*temporary_)).wipe(*temporary_, name_); });
  }

  void append(View bytes) override { file_.append(bytes); }

  void sync() override { file_.sync(); }

  bool publish(const std::string& path) override {
    is_tried_ = true;
    const std::string to = concat(root_, "/", path);
    const std::string unnamed = concat("/proc/self/fd/", file_.fd());
    const int result =
        temporary_ ? ::linkat(temporary_->fd(), name_.c_str(), AT_FDCWD, to.c_str(), 0)
                   : ::linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, to.c_str(), AT_SYMLINK_FOLLOW);
    if (result == 0) return true;
    if (errno == EEXIST) return false;
    const bool no_links = errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS;
    if (no_links && temporary_) return publish_by_rename(to);
    throw_errno("cannot create", to, errno);
  }

 private:
  bool publish_by_rename(const std::string& to) {
    if (::renameat2(temporary_->fd(), name_.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) {
      is_renamed_ = true;
      return true;
    }
    if (errno == EEXIST) return false;
    throw_errno("cannot create", to, errno);
  }

  File file_;
  std::string root_;
  std::optional<Directory> temporary_;  // where it has a name until it is published
  std::string name_;
  LinkCounts* link_counts_ = nullptr;
  bool is_tried_ = false;
  bool is_renamed_ = false;
};

class LocalDisk final : public Disk {
 public:
  explicit LocalDisk(std::string root) : root_(std::move(root)) {}

  void make_directory(const std::string& path) override {
    if (path.empty()) {
      make_directories(root_);
    } else if (::mkdir(at(path).c_str(), 0700) != 0 && errno != EEXIST) {
      throw_errno("cannot create directory", at(path), errno);
    }
  }

  std::optional<std::uint64_t> size(const std::string& path) override {
    struct stat status {};

    // Not followed: a link that leads nowhere takes its path all the same.
    if (::lstat(at(path).c_str(), &status) == 0) return static_cast<std::uint64_t>(status.st_size);
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw_errno("cannot inspect", at(path), errno);
  }

  // A file that is replaced or removed meanwhile is overwritten: only what still has its path when
  // it has been read was whole.
  std::size_t read(const std::string& path, std::uint64_t offset, MutableView out) override {
    for (int attempt = 1;; ++attempt) {
      const File file = open_to_read(path);
      const std::size_t size = file.read_at(offset, out);

      struct stat now {};

      const bool is_same =
          ::lstat(at(path).c_str(), &now) == 0 && now.st_ino == file_status(file).inode;
      // A file system that numbers its files anew at each look is no reason to go on for ever.
      if (is_same || attempt == read_attempts_max) return size;
    }
  }

  void list(const std::string& path,
            const std::function<void(const std::string&, bool)>& each) override {
    std::error_code error;
    std::filesystem::directory_iterator entries(at(path), error);
    if (error.value() == ENOENT || error.value() == ENOTDIR) return;
    if (error) throw_errno("cannot list", at(path), error.value());
    for (const auto end = std::filesystem::directory_iterator(); entries != end;) {
      const bool is_directory =
          entries->symlink_status(error).type() == std::filesystem::file_type::directory;
      each(entries->path().filename().string(), is_directory);
      entries.increment(error);
      if (error) throw_errno("cannot list", at(path), error.value());
    }
  }

  std::unique_ptr<NewFile> create() override {
    if (!has_cleared_.exchange(true)) remove_leftovers();
    if (has_unnamed_files_) {
      const int fd = ::open(root_.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
      if (fd >= 0) {
        return std::make_unique<LocalNewFile>(File(Descriptor(fd), at("(new file)")), root_);
      }
      if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT) {
        throw_errno("cannot create a file in", root_, errno);
      }
      has_unnamed_files_ = false;
    }
    return create_named();
  }

  void sync_directory(const std::string& path) override {
    const Descriptor fd(::open(at(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.is_open() || ::fsync(fd.fd()) != 0) throw_errno("cannot make durable", at(path), errno);
  }

  std::optional<std::string> hide(const std::string& path) override {
    const std::optional<Directory> folder = open_folder(std::string(parent_path(path)));
    const std::string name(base_name(path));
    if (!folder || !folder->find(name)) return std::nullopt;
    require_removable(*folder, name, 0);
    const Directory temporary = open_temporary();
    const std::string hidden = draw_name();
    if (::renameat(folder->fd(), name.c_str(), temporary.fd(), hidden.c_str()) == 0) {
      // Its time is what keeps others from taking it for a leftover before it is wiped.
      static_cast<void>(::utimensat(temporary.fd(), hidden.c_str(), nullptr, AT_SYMLINK_NOFOLLOW));
      return concat(temporary_directory, "/", hidden);
    }
    if (errno == ENOENT) return std::nullopt;
    wiper(temporary).wipe(*folder, name);  // tmp/ lies on another disk, say
    return std::nullopt;
  }

  void wipe(const std::string& path) override {
    const std::optional<Directory> folder = open_folder(std::string(parent_path(path)));
    if (folder) wiper(open_temporary()).wipe(*folder, std::string(base_name(path)));
  }

  bool discard(const std::string& path) override {
    const std::optional<Directory> folder = open_folder(std::string(parent_path(path)));
    const std::string name(base_name(path));
    if (!folder || !folder->find(name)) return false;
    if (::unlinkat(folder->fd(), name.c_str(), 0) == 0) return true;
    if (errno == ENOENT) return false;
    throw_errno("cannot remove", at(path), errno);
  }

  void remove_directory(const std::string& path) override {
    if (::rmdir(at(path).c_str()) == 0) return;
    if (errno == ENOENT || errno == ENOTDIR || errno == ENOTEMPTY || errno == EEXIST) return;
    throw_errno("cannot remove directory", at(path), errno);
  }

  void replace(const std::string& path, View bytes) override {
    const std::optional<Directory> folder = open_folder(std::string(parent_path(path)));
    if (!folder) throw Error(Code::failed, concat("the folder of ", path, " is missing"));
    const std::string name(base_name(path));
    const Directory temporary = open_temporary();
    const std::string other = draw_name();
    const std::string former = draw_name();
    bool is_tried = false;
    const auto failure = failure_of([&] {
      const File file = create_locked(temporary, other);
      file.append(bytes);
      file.sync();
      const auto rename = [&](unsigned flags) {
        return ::renameat2(temporary.fd(), other.c_str(), folder->fd(), name.c_str(), flags) == 0;
      };
      // The old file's time is what keeps others from taking it for a leftover, and overwriting it,
      // before the folder is synced.
      static_cast<void>(::utimensat(folder->fd(), name.c_str(), nullptr, AT_SYMLINK_NOFOLLOW));
      is_tried = true;
      if (!rename(RENAME_EXCHANGE)) {
        // After any other failure the names may have been exchanged all the same.
        const bool has_not = errno == ENOENT || errno == EINVAL || errno == ENOSYS;
        if (!has_not) throw_errno("cannot rename", at(path), errno);
        // Nothing to exchange it with, or a file system that does not exchange (NFS): the old file
        // gets a second name, to be overwritten by.
        static_cast<void>(::linkat(folder->fd(), name.c_str(), temporary.fd(), former.c_str(), 0));
        if (!rename(0)) throw_errno("cannot rename", at(path), errno);
      }
      if (::fsync(folder->fd()) != 0) throw_errno("cannot make durable", folder->path(), errno);
    });
    // What stands there now is the old file, or one that could not be put. After a failure its
    // bytes stay: it may have the path, whatever was answered, or a power cut may yet give it back.
    const bool may_come_back = is_tried && failure.has_value();
    for (const std::string& left : {other, former}) {
      try_to(
          [&] { Wiper(!may_come_back && link_counts_.are_true(temporary)).wipe(temporary, left); });
    }
    if (failure) throw Error(*failure);
  }

 private:
  [[nodiscard]] File open_to_read(const std::string& path) const {
    // Anything may stand at the path: opening a fifo must not block, a link must not be followed.
    const int fd =
        ::open(at(path).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
      throw Error(Code::missing, concat(path, " is missing"));
    }
    if (fd < 0 && errno == ELOOP) throw Error(Code::corrupt, concat(path, " is not a file"));
    if (fd < 0) throw_errno("cannot open", at(path), errno);
    File file(Descriptor(fd), at(path));
    if (file_status(file).type != EntryType::file) {
      throw Error(Code::corrupt, concat(path, " is not a file"));
    }
    return file;
  }

  [[nodiscard]] std::string at(std::string_view path) const {
    return path.empty() ? root_ : concat(root_, "/", path);
  }

  // A folder, through no link: whoever can put one there must not have another directory's files
  // overwritten. Empty: it is absent.
  [[nodiscard]] std::optional<Directory> open_folder(const std::string& path) const {
    if (!path_exists(root_)) return std::nullopt;
    Directory out = Directory::open(root_);
    for (const auto& part : std::filesystem::path(path)) {
      const std::optional<FileStatus> status = out.find(part.string());
      if (!status) return std::nullopt;
      if (status->type != EntryType::directory) {
        throw Error(Code::failed, concat(join_path(out.path(), part.string()),
                                         " is no folder: nothing is removed or replaced there; "
                                         "move it away, and run again"));
      }
      out = out.open_directory(part.string());
    }
    return out;
  }

  Directory open_temporary() {
    make_directory(std::string(temporary_directory));
    auto out = open_folder(std::string(temporary_directory));
    if (!out) throw Error(Code::failed, concat(at(temporary_directory), " is gone; run again"));
    return std::move(*out);
  }

  Wiper wiper(const Directory& temporary) { return Wiper(link_counts_.are_true(temporary)); }

  static File create_locked(const Directory& directory, const std::string& name) {
    File file = directory.create_file(name);
    if (::flock(file.fd(), LOCK_EX | LOCK_NB) != 0) throw_errno("cannot lock", file.path(), errno);
    return file;
  }

  std::unique_ptr<NewFile> create_named() {
    Directory temporary = open_temporary();
    const std::string name = draw_name();
    File file = create_locked(temporary, name);
    return std::make_unique<LocalNewFile>(std::move(file), root_, std::move(temporary), name,
                                          link_counts_);
  }

  // Files that crashed processes left without a final name. What cannot be removed now, or is no
  // file, is left to a clean-up, and keeps nobody from putting an object.
  void remove_leftovers() {
    try_to([&] {
      const std::optional<Directory> temporary = open_folder(std::string(temporary_directory));
      if (!temporary) return;
      NameReader names([&](const std::string& after) { return temporary->names(after); });
      while (const auto name = names.next()) {
        try_to([&] { remove_leftover(*temporary, *name); });
      }
    });
  }

  // One made a moment ago may belong to a process that has not locked it yet. A writer whose lock
  // is not seen, or who slept, finds its file under no name, and fails: so it is renamed before it
  // is looked at for the last time and overwritten.
  void remove_leftover(const Directory& temporary, const std::string& name) {
    const std::optional<Inode> inode = temporary.hold(name);
    if (!inode || inode->status().type != EntryType::file) return;
    const File file = temporary.open_file(name);
    const FileStatus status = file_status(file);
    if (status.identity() != inode->status().identity()) return;
    if (std::time(nullptr) - status.mtime.seconds < leftover_seconds) return;
    if (::flock(file.fd(), LOCK_EX | LOCK_NB) != 0) return;
    const std::string hidden = draw_name();
    if (!temporary.rename(name, hidden, true)) return;
    wiper(temporary).wipe(temporary, hidden);
  }

  std::string root_;
  std::atomic<bool> has_unnamed_files_{true};
  std::atomic<bool> has_cleared_{false};
  LinkCounts link_counts_;
};

}  // namespace

std::unique_ptr<Disk> open_disk(const std::string& root) {
  return std::make_unique<LocalDisk>(root);
}

}  // namespace kist
