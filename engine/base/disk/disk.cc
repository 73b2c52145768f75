#include "engine/base/disk/disk.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <filesystem>
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

// Removes what the name leads to, a directory with all that is in it, through no link and into no
// other file system. A file that cannot be overwritten is removed all the same.
void wipe_below(const Directory& parent, const std::string& name, int depth) {
  const std::optional<FileStatus> status = parent.find(name);
  if (!status) return;
  if (status->type == EntryType::directory) {
    const Directory directory = parent.open_directory(name);
    if (depth == nesting_max || directory.own_status().device != parent.own_status().device) {
      throw Error(Code::failed, concat("cannot remove ", directory.path(), ": remove it by hand"));
    }
    NameReader names([&](const std::string& after) { return directory.names(after); });
    while (const auto child = names.next()) {
      wipe_below(directory, *child, depth + 1);
    }
  } else {
    try_to([&] { overwrite_only_link(parent, name); });
  }
  parent.remove(name);
}

void wipe_only_link(const std::string& path) {
  if (!path_exists(path)) return;
  wipe_below(Directory::open(std::string(parent_path(path))), std::string(base_name(path)), 0);
}

class LocalNewFile final : public NewFile {
 public:
  LocalNewFile(File file, std::string root, std::string temporary)
      : file_(std::move(file)), root_(std::move(root)), temporary_(std::move(temporary)) {}

  ~LocalNewFile() override {
    if (!temporary_.empty()) try_to([&] { wipe_only_link(temporary_); });
  }

  void append(View bytes) override { file_.append(bytes); }

  void sync() override { file_.sync(); }

  bool publish(const std::string& path) override {
    const std::string from = temporary_.empty() ? concat("/proc/self/fd/", file_.fd()) : temporary_;
    const std::string to = concat(root_, "/", path);
    const int flags = temporary_.empty() ? AT_SYMLINK_FOLLOW : 0;
    if (::linkat(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) == 0) return true;
    if (errno == EEXIST) return false;
    const bool no_links = errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS;
    if (no_links && !temporary_.empty()) return publish_by_rename(to);
    throw_errno("cannot create", to, errno);
  }

 private:
  bool publish_by_rename(const std::string& to) {
    if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) {
      temporary_.clear();
      return true;
    }
    if (errno == EEXIST) return false;
    throw_errno("cannot create", to, errno);
  }

  File file_;
  std::string root_;
  std::string temporary_;
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

      const bool is_there = ::lstat(at(path).c_str(), &now) == 0;
      if (is_there && now.st_ino == file_status(file).inode) return size;
      // A file system that numbers its files anew at each look is no reason to go on for ever.
      if (is_there && attempt == read_attempts_max) return size;
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
        return std::make_unique<LocalNewFile>(File(Descriptor(fd), at("(new file)")), root_, "");
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
    if (!path_exists(at(path))) return std::nullopt;
    const std::string hidden = draw_temporary_path();
    const auto failure = failure_of([&] {
      make_directory(std::string(temporary_directory));
      rename_path(at(path), at(hidden));
    });
    // Its time is what keeps others from taking it for a leftover before it is wiped.
    if (!failure)
      static_cast<void>(::utimensat(AT_FDCWD, at(hidden).c_str(), nullptr, AT_SYMLINK_NOFOLLOW));
    if (!failure) return hidden;
    wipe_only_link(at(path));  // tmp/ lies on another disk, say
    return std::nullopt;
  }

  void wipe(const std::string& path) override { wipe_only_link(at(path)); }

  void remove_directory(const std::string& path) override {
    if (::rmdir(at(path).c_str()) == 0) return;
    if (errno == ENOENT || errno == ENOTDIR || errno == ENOTEMPTY || errno == EEXIST) return;
    throw_errno("cannot remove directory", at(path), errno);
  }

  void replace(const std::string& path, View bytes) override {
    make_directory(std::string(temporary_directory));
    const std::string to = at(path);
    const std::string temporary = at(draw_temporary_path());
    const auto failure = failure_of([&] {
      const File file = create_locked(temporary);
      file.append(bytes);
      file.sync();
      const bool is_exchanged =
          ::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0;
      // Nothing to exchange it with, or a file system that does not exchange.
      if (!is_exchanged) rename_path(temporary, to);
    });
    // What stands there now is the old file, or one that could not be put.
    try_to([&] { wipe_only_link(temporary); });
    if (failure) throw Error(*failure);
    sync_name(to);
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

  // Relative to the root.
  static std::string draw_temporary_path() {
    std::array<std::uint8_t, 16> unique{};
    SystemRandom().fill(unique);
    return concat(temporary_directory, "/", to_hex(unique.data(), unique.size()));
  }

  static File create_locked(const std::string& path) {
    File file = File::create_new(path);
    if (::flock(file.fd(), LOCK_EX | LOCK_NB) != 0) throw_errno("cannot lock", path, errno);
    return file;
  }

  std::unique_ptr<NewFile> create_named() {
    make_directory(std::string(temporary_directory));
    const std::string path = at(draw_temporary_path());
    return std::make_unique<LocalNewFile>(create_locked(path), root_, path);
  }

  // Files that crashed processes left without a final name. One made a moment ago may belong to a
  // process that has not locked it yet.
  void remove_leftovers() {
    list(std::string(temporary_directory), [&](const std::string& name, bool) {
      const std::string path = at(concat(temporary_directory, "/", name));
      const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
      struct stat status {};
      if (!fd.is_open() || ::fstat(fd.fd(), &status) != 0) return;
      if (std::time(nullptr) - status.st_mtime < leftover_seconds) return;
      if (::flock(fd.fd(), LOCK_EX | LOCK_NB) == 0) wipe_only_link(path);
    });
  }

  std::string root_;
  std::atomic<bool> has_unnamed_files_{true};
  std::atomic<bool> has_cleared_{false};
};

}  // namespace

std::unique_ptr<Disk> open_disk(const std::string& root) {
  return std::make_unique<LocalDisk>(root);
}

}  // namespace kist
