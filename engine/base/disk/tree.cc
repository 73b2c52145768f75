#include "engine/base/disk/tree.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace kist {

namespace {

constexpr unsigned statx_mask = STATX_BASIC_STATS | STATX_MNT_ID;

EntryType type_of(unsigned mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return EntryType::directory;
    case S_IFLNK:
      return EntryType::symlink;
    case S_IFIFO:
      return EntryType::fifo;
    case S_IFSOCK:
      return EntryType::socket;
    case S_IFCHR:
      return EntryType::character_device;
    case S_IFBLK:
      return EntryType::block_device;
    default:
      return EntryType::file;
  }
}

std::optional<FileStatus> find_at(int fd, const char* name, int flags, std::string_view path) {
  struct statx raw {};

  if (::statx(fd, name, flags | AT_SYMLINK_NOFOLLOW, statx_mask, &raw) != 0) {
    if (errno == ENOENT) return std::nullopt;
    throw_errno("cannot inspect", path, errno);
  }
  FileStatus out;
  out.type = type_of(raw.stx_mode);
  out.mode = raw.stx_mode & 07777U;
  out.uid = raw.stx_uid;
  out.gid = raw.stx_gid;
  out.size = raw.stx_size;
  out.allocated = raw.stx_blocks * 512;
  out.mtime = {raw.stx_mtime.tv_sec, raw.stx_mtime.tv_nsec};
  out.ctime = {raw.stx_ctime.tv_sec, raw.stx_ctime.tv_nsec};
  out.inode = raw.stx_ino;
  out.device = makedev(raw.stx_dev_major, raw.stx_dev_minor);
  out.mount = (raw.stx_mask & STATX_MNT_ID) != 0 ? raw.stx_mnt_id : out.device;
  out.link_count = raw.stx_nlink;
  out.device_major = raw.stx_rdev_major;
  out.device_minor = raw.stx_rdev_minor;
  return out;
}

std::string link_target_at(int fd, const char* name, std::string_view path) {
  std::string target(PATH_MAX, '\0');
  const ssize_t size = ::readlinkat(fd, name, target.data(), target.size());
  if (size < 0) throw_errno("cannot read link", path, errno);
  target.resize(static_cast<std::size_t>(size));
  return target;
}

FileStatus status_at(int fd, const char* name, int flags, std::string_view path) {
  std::optional<FileStatus> found = find_at(fd, name, flags, path);
  if (!found) throw_errno("cannot inspect", path, ENOENT);
  return *found;
}

}  // namespace

Directory Directory::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) throw_errno("cannot open directory", path, errno);
  return {Descriptor(fd), path};
}

NameList::NameList(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    add(name);
  }
}

void NameList::add(std::string_view name) {
  starts_.push_back(narrow<std::uint32_t>(text_.size()));
  text_ += name;
  text_ += '\0';
}

void NameList::sort() {
  const auto name = [this](std::uint32_t start) { return std::string_view(&text_[start]); };
  std::ranges::sort(starts_, {}, name);  // char_traits compares bytes as unsigned
  // A directory that changes while it is listed may show a name twice.
  const auto is_same = [&](std::uint32_t a, std::uint32_t b) { return name(a) == name(b); };
  starts_.erase(std::unique(starts_.begin(), starts_.end(), is_same), starts_.end());
}

void NameList::keep_first_half() {
  sort();
  NameList kept;
  for (std::size_t i = 0; i < (size() + 1) / 2; ++i) {
    kept.add((*this)[i]);
  }
  kept.is_complete_ = false;
  *this = std::move(kept);
}

NameList Directory::names(std::string_view after, std::size_t bytes_max) const {
  NameList out;
  std::string last;  // of those that stay, once some had to go
  for_each_name([&](std::string_view name) {
    if (name <= after || (!out.is_complete_ && name > last)) return;
    out.add(name);
    if (out.size() < 2 || out.text_.size() + out.size() * sizeof(std::uint32_t) < bytes_max) return;
    out.keep_first_half();
    last = out[out.size() - 1];
  });
  out.sort();
  return out;
}

void Directory::for_each_name(const std::function<void(std::string_view)>& each) const {
  const int fd = ::openat(this->fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) throw_errno("cannot list", path_, errno);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(fd), &::closedir);
  if (!stream) {
    ::close(fd);
    throw_errno("cannot list", path_, errno);
  }
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());  // NOLINT(concurrency-mt-unsafe): own stream
    if (entry == nullptr) break;
    const std::string_view name = static_cast<const char*>(entry->d_name);
    if (name != "." && name != "..") each(name);
  }
  if (errno != 0) throw_errno("cannot list", path_, errno);
}

NameReader::NameReader(const std::vector<std::string>& names) : part_(names), has_begun_(true) {}

std::optional<std::string_view> NameReader::peek() {
  while (at_ == part_.size()) {
    if (has_begun_ && part_.is_complete()) return std::nullopt;
    part_ = list_(part_.size() == 0 ? std::string() : std::string(part_[part_.size() - 1]));
    has_begun_ = true;
    at_ = 0;
  }
  return part_[at_];
}

std::optional<std::string> NameReader::next() {
  const std::optional<std::string_view> name = peek();
  if (!name) return std::nullopt;
  std::string out(*name);
  ++at_;
  return out;
}

FileStatus Directory::status(const std::string& name) const {
  return status_at(fd(), name.c_str(), 0, join_path(path_, name));
}

std::optional<FileStatus> Directory::find(const std::string& name) const {
  return find_at(fd(), name.c_str(), 0, join_path(path_, name));
}

FileStatus Directory::own_status() const {
  return status_at(fd(), "", AT_EMPTY_PATH, path_);
}

FileStatus file_status(const File& file) {
  return status_at(file.fd(), "", AT_EMPTY_PATH, file.path());
}

Directory Directory::open_directory(const std::string& name) const {
  constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  int child = ::openat(fd(), name.c_str(), flags | O_NOATIME);
  if (child < 0 && errno == EPERM) child = ::openat(fd(), name.c_str(), flags);
  // Without the right to list it, what it leads to may still be reached.
  if (child < 0 && errno == EACCES) {
    child = ::openat(fd(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  }
  std::string path = join_path(path_, name);
  if (child < 0) throw_errno("cannot open directory", path, errno);
  return {Descriptor(child), std::move(path)};
}

File Directory::open_file(const std::string& name) const {
  constexpr int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  int file = ::openat(fd(), name.c_str(), flags | O_NOATIME);
  if (file < 0 && errno == EPERM) file = ::openat(fd(), name.c_str(), flags);
  std::string path = join_path(path_, name);
  if (file < 0) throw_errno("cannot open", path, errno);
  return {Descriptor(file), std::move(path)};
}

std::string Directory::read_link(const std::string& name) const {
  return link_target_at(fd(), name.c_str(), join_path(path_, name));
}

std::optional<Inode> Directory::hold(const std::string& name) const {
  const int held = ::openat(fd(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
  std::string path = join_path(path_, name);
  if (held < 0 && errno == ENOENT) return std::nullopt;
  if (held < 0) throw_errno("cannot inspect", path, errno);
  return Inode(Descriptor(held), std::move(path));
}

Inode::Inode(Descriptor descriptor, std::string path)
    : descriptor_(std::move(descriptor)),
      path_(std::move(path)),
      status_(status_at(fd(), "", AT_EMPTY_PATH, path_)) {}

std::string Inode::proc_path() const {
  return concat("/proc/self/fd/", fd());
}

File Inode::open_file() const {
  constexpr int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  const std::string self = proc_path();
  int file = ::open(self.c_str(), flags | O_NOATIME);
  if (file < 0 && errno == EPERM) file = ::open(self.c_str(), flags);
  if (file < 0) throw_errno("cannot open", path_, errno);
  return {Descriptor(file), path_};
}

std::string Inode::read_link() const {
  return link_target_at(fd(), "", path_);
}

bool Directory::make_directory(const std::string& name, std::uint16_t mode) const {
  if (::mkdirat(fd(), name.c_str(), mode) == 0) return true;
  const int error = errno;
  if (error == EEXIST && status(name).type == EntryType::directory) return false;
  throw_errno("cannot create directory", join_path(path_, name), error);
}

File Directory::create_file(const std::string& name) const {
  const int file =
      ::openat(fd(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  std::string path = join_path(path_, name);
  if (file < 0) throw_errno("cannot create", path, errno);
  return {Descriptor(file), std::move(path)};
}

File Directory::open_file_for_writing(const std::string& name) const {
  const int file = ::openat(fd(), name.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  std::string path = join_path(path_, name);
  if (file < 0) throw_errno("cannot open", path, errno);
  return {Descriptor(file), std::move(path)};
}

void Directory::make_symlink(const std::string& name, const std::string& target) const {
  if (::symlinkat(target.c_str(), fd(), name.c_str()) != 0) {
    throw_errno("cannot create link", join_path(path_, name), errno);
  }
}

void Directory::make_special(const std::string& name, const Entry& entry) const {
  mode_t kind = S_IFIFO;
  if (entry.type == EntryType::socket) kind = S_IFSOCK;
  if (entry.type == EntryType::character_device) kind = S_IFCHR;
  if (entry.type == EntryType::block_device) kind = S_IFBLK;
  const dev_t device = makedev(entry.device_major, entry.device_minor);
  if (::mknodat(fd(), name.c_str(), kind | 0600U, device) != 0) {
    throw_errno("cannot create", join_path(path_, name), errno);
  }
}

void Directory::make_hard_link(const Inode& existing, const std::string& name) const {
  const std::string self = existing.proc_path();
  if (::linkat(AT_FDCWD, self.c_str(), fd(), name.c_str(), AT_SYMLINK_FOLLOW) != 0) {
    throw_errno("cannot create hard link", join_path(path_, name), errno);
  }
}

void Directory::remove(const std::string& name) const {
  if (::unlinkat(fd(), name.c_str(), 0) == 0) return;
  if (errno == EISDIR && ::unlinkat(fd(), name.c_str(), AT_REMOVEDIR) == 0) return;
  throw_errno("cannot remove", join_path(path_, name), errno);
}

bool Directory::rename(const std::string& from, const std::string& to, bool keeps_existing) const {
  const unsigned flags = keeps_existing ? RENAME_NOREPLACE : 0;
  if (::renameat2(fd(), from.c_str(), fd(), to.c_str(), flags) == 0) return true;
  if (keeps_existing && errno == EEXIST) return false;
  // Without a flag of that kind, the look before the leap is all there is.
  if (keeps_existing && errno == EINVAL) {
    return ::faccessat(fd(), to.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0 && rename(from, to, false);
  }
  const bool is_directory = errno == EISDIR || errno == EEXIST || errno == ENOTEMPTY;
  if (is_directory && ::unlinkat(fd(), to.c_str(), AT_REMOVEDIR) == 0 &&
      ::renameat(fd(), from.c_str(), fd(), to.c_str()) == 0) {
    return true;
  }
  throw_errno("cannot replace", join_path(path_, to), errno);
}

void Directory::make_writable() const noexcept {
  struct stat status {};

  if (::fstat(fd(), &status) == 0 && (status.st_mode & 0700U) != 0700U) {
    static_cast<void>(::fchmod(fd(), (status.st_mode & 07777U) | 0700U));
  }
}

bool Directory::try_lock() const {
  return ::flock(fd(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

std::uint64_t Directory::free_bytes() const {
  struct statvfs status {};

  if (::fstatvfs(fd(), &status) != 0) throw_errno("cannot inspect", path_, errno);
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

Directory Directory::open_beneath(const std::string& path) const {
  if (path.empty()) {
    const int same = ::fcntl(fd(), F_DUPFD_CLOEXEC, 0);
    if (same < 0) throw_errno("cannot open directory", path_, errno);
    return {Descriptor(same), path_};
  }
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const auto found = static_cast<int>(::syscall(SYS_openat2, fd(), path.c_str(), &how, sizeof how));
  if (found >= 0) return {Descriptor(found), join_path(path_, path)};
  if (errno != ENOSYS && errno != ENAMETOOLONG && errno != EPERM) {
    throw_errno("cannot open directory", join_path(path_, path), errno);
  }
  Directory at = open_beneath("");
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    at = at.open_directory(path.substr(start, end - start));
    start = end + 1;
  }
  return at;
}

}  // namespace kist
