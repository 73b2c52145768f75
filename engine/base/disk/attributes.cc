#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <functional>
#include <system_error>

#include <fcntl.h>
#include <grp.h>
#include <linux/fs.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "engine/base/attempt.h"
#include "engine/base/disk/tree.h"

namespace kist {

namespace {

bool has_no_xattrs(int error) {
  return error == ENOTSUP || error == ENOSYS || error == EINVAL;
}

using ListCall = std::function<ssize_t(char*, std::size_t)>;
using GetCall = std::function<ssize_t(const char*, void*, std::size_t)>;

// Both calls are tried with a buffer that usually fits and again when the value has grown.
std::vector<Xattr> read_xattrs(const ListCall& list, const GetCall& get, std::string_view path) {
  std::array<char, 4096> small{};
  std::string names(small.data(), 0);
  ssize_t size = list(small.data(), small.size());
  if (size > 0) names.assign(small.data(), static_cast<std::size_t>(size));
  if (size < 0 && errno == ERANGE) {
    names.resize(XATTR_LIST_MAX);
    size = list(names.data(), names.size());
    if (size >= 0) names.resize(static_cast<std::size_t>(size));
  }
  if (size < 0 && has_no_xattrs(errno)) return {};
  if (size < 0) throw_errno("cannot list the extended attributes of", path, errno);
  std::vector<Xattr> out;
  for (std::size_t start = 0; start < names.size();) {
    const std::string name(names.c_str() + start);
    start += name.size() + 1;
    Bytes value(4096);
    ssize_t got = get(name.c_str(), value.data(), value.size());
    if (got < 0 && errno == ERANGE) {
      value.resize(XATTR_SIZE_MAX);
      got = get(name.c_str(), value.data(), value.size());
    }
    if (got < 0 && (errno == ENODATA || has_no_xattrs(errno))) continue;
    if (got < 0) throw_errno("cannot read the extended attributes of", path, errno);
    value.resize(static_cast<std::size_t>(got));
    out.push_back({name, std::move(value)});
  }
  std::ranges::sort(out);
  return out;
}

std::vector<Xattr> xattrs_of(int fd, std::string_view path) {
  return read_xattrs([&](char* out, std::size_t size) { return ::flistxattr(fd, out, size); },
                     [&](const char* name, void* out, std::size_t size) {
                       return ::fgetxattr(fd, name, out, size);
                     },
                     path);
}

std::string reason(int error) {
  return std::generic_category().message(error);
}

std::array<timespec, 2> times_of(const Entry& entry) {
  return {timespec{0, UTIME_OMIT},
          timespec{entry.mtime.seconds, static_cast<long>(entry.mtime.nanoseconds)}};
}

// What differs between an open descriptor and a name below a parent; the order is the same for
// both.
struct Setters {
  std::function<int()> owner;
  std::function<int(const Xattr&)> xattr;
  std::function<int(const std::string&)> remove_xattr;
  std::function<int(mode_t)> mode;  // none for what has no mode of its own
  std::function<int()> times;
};

// What is there before anything is set.
struct Present {
  struct stat status {};

  std::vector<Xattr> xattrs;
};

// Attributes that belong to the machine, not to the file: never removed for want of a counterpart.
bool is_of_the_machine(const std::string& name) {
  return name.starts_with("security.") && name != "security.capability";
}

// Whether anything had to be changed.
bool apply_xattrs(const Setters& set,
                  const std::vector<Xattr>& required,
                  const std::vector<Xattr>& present,
                  std::vector<Refusal>& refusals) {
  bool has_changed = false;
  for (const Xattr& old : present) {
    const bool stays = std::ranges::find(required, old.name, &Xattr::name) != required.end();
    if (stays || is_of_the_machine(old.name)) continue;
    has_changed = true;
    if (set.remove_xattr(old.name) != 0 && errno != ENODATA) {
      refusals.push_back({concat("removing extended attribute ", old.name), reason(errno)});
    }
  }
  for (const Xattr& xattr : required) {
    if (std::ranges::find(present, xattr) != present.end()) continue;
    has_changed = true;
    if (set.xattr(xattr) != 0) {
      refusals.push_back({concat("extended attribute ", xattr.name), reason(errno)});
    }
  }
  return has_changed;
}

// Owner first (it clears setuid and capabilities), then attributes, then mode, then times.
std::vector<Refusal> apply(const Setters& set, const Entry& entry, Present& present) {
  std::vector<Refusal> out;
  mode_t mode = entry.mode;
  const struct stat& status = present.status;
  bool has_changed = false;
  if (status.st_uid != entry.uid || status.st_gid != entry.gid) {
    has_changed = true;
    if (set.owner() != 0) {
      out.push_back({"owner", reason(errno)});
      if ((mode & 06000U) != 0) out.push_back({"setuid and setgid", "the owner could not be set"});
      mode &= 01777U;  // never for another owner than the entry names
    } else {
      std::erase_if(present.xattrs, [](const Xattr& x) { return x.name == "security.capability"; });
    }
  }
  has_changed |= apply_xattrs(set, entry.xattrs, present.xattrs, out);
  const bool has_mode = !has_changed && (status.st_mode & 07777U) == mode;
  if (set.mode && !has_mode && set.mode(mode) != 0) out.push_back({"mode", reason(errno)});
  const bool has_time = status.st_mtim.tv_sec == entry.mtime.seconds &&
                        status.st_mtim.tv_nsec == entry.mtime.nanoseconds;
  if (!has_time && set.times() != 0) out.push_back({"times", reason(errno)});
  return out;
}

// The inode flags that entries know, as the kernel numbers them.
constexpr std::array<std::pair<std::uint8_t, unsigned>, 4> flag_bits = {
    {{flag_append, FS_APPEND_FL},
     {flag_immutable, FS_IMMUTABLE_FL},
     {flag_no_dump, FS_NODUMP_FL},
     {flag_no_atime, FS_NOATIME_FL}}};

// Empty where the file system has no such flags.
std::optional<unsigned> kernel_flags(int fd) {
  unsigned flags = 0;
  if (::ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0) return std::nullopt;
  return flags;
}

std::uint8_t flags_of(int fd) {
  const std::optional<unsigned> present = kernel_flags(fd);
  std::uint8_t out = 0;
  for (const auto& [bit, kernel_bit] : flag_bits) {
    if (present && (*present & kernel_bit) != 0) out |= bit;
  }
  return out;
}

}  // namespace

std::vector<Xattr> file_xattrs(const File& file) {
  return xattrs_of(file.fd(), file.path());
}

// By way of /proc: a directory that may not be listed is open for its name only.
std::vector<Xattr> Directory::own_xattrs() const {
  const std::string path = concat("/proc/self/fd/", fd());
  return read_xattrs(
      [&](char* out, std::size_t size) { return ::listxattr(path.c_str(), out, size); },
      [&](const char* name, void* out, std::size_t size) {
        return ::getxattr(path.c_str(), name, out, size);
      },
      path_);
}

std::vector<Xattr> Directory::xattrs(const std::string& name) const {
  const std::string path = concat("/proc/self/fd/", fd(), "/", name);
  return read_xattrs(
      [&](char* out, std::size_t size) { return ::llistxattr(path.c_str(), out, size); },
      [&](const char* xattr, void* out, std::size_t size) {
        return ::lgetxattr(path.c_str(), xattr, out, size);
      },
      join_path(path_, name));
}

std::vector<Xattr> Inode::xattrs() const {
  const std::string path = proc_path();
  return read_xattrs(
      [&](char* out, std::size_t size) { return ::listxattr(path.c_str(), out, size); },
      [&](const char* xattr, void* out, std::size_t size) {
        return ::getxattr(path.c_str(), xattr, out, size);
      },
      path_);
}

std::uint8_t file_flags(const File& file) {
  return flags_of(file.fd());
}

std::uint8_t Directory::own_flags() const {
  return flags_of(fd());
}

std::vector<Refusal> set_flags(int fd, std::uint8_t flags) {
  const std::optional<unsigned> present = kernel_flags(fd);
  unsigned required = present.value_or(0);
  for (const auto& [bit, kernel_bit] : flag_bits) {
    required = (flags & bit) != 0 ? required | kernel_bit : required & ~kernel_bit;
  }
  if (required == present.value_or(0)) return {};
  if (present && ::ioctl(fd, FS_IOC_SETFLAGS, &required) == 0) return {};
  return {{"flags (chattr)", reason(errno)}};
}

void clear_locking_flags(int fd) noexcept {
  const std::optional<unsigned> present = kernel_flags(fd);
  if (!present || (*present & (FS_APPEND_FL | FS_IMMUTABLE_FL)) == 0) return;
  const unsigned required = *present & ~static_cast<unsigned>(FS_APPEND_FL | FS_IMMUTABLE_FL);
  static_cast<void>(::ioctl(fd, FS_IOC_SETFLAGS, &required));  // what follows will say so
}

std::vector<Refusal> set_metadata(int fd, const Entry& entry) {
  Present present;
  if (::fstat(fd, &present.status) != 0) return {{"owner, mode and times", reason(errno)}};
  // Those that cannot be read are set anyway.
  try_to([&] { present.xattrs = xattrs_of(fd, entry.path); });
  const auto times = times_of(entry);
  return apply(
      {.owner = [&] { return ::fchown(fd, entry.uid, entry.gid); },
       .xattr =
           [&](const Xattr& xattr) {
             return ::fsetxattr(fd, xattr.name.c_str(), xattr.value.data(), xattr.value.size(), 0);
           },
       .remove_xattr = [&](const std::string& name) { return ::fremovexattr(fd, name.c_str()); },
       .mode = [&](mode_t mode) { return ::fchmod(fd, mode); },
       .times = [&] { return ::futimens(fd, times.data()); }},
      entry, present);
}

// By way of /proc: a path that ends there leads to the inode itself, and to nothing that a link
// says.
std::vector<Refusal> set_metadata(const Inode& inode, const Entry& entry) {
  Present present;
  if (::fstat(inode.fd(), &present.status) != 0) return {{"owner, mode and times", reason(errno)}};
  // Those that cannot be read are set anyway.
  try_to([&] { present.xattrs = inode.xattrs(); });
  const auto times = times_of(entry);
  const std::string self = inode.proc_path();
  const char* const path = self.c_str();
  Setters set{
      .owner = [&] { return ::fchownat(inode.fd(), "", entry.uid, entry.gid, AT_EMPTY_PATH); },
      .xattr =
          [&](const Xattr& xattr) {
            return ::setxattr(path, xattr.name.c_str(), xattr.value.data(), xattr.value.size(), 0);
          },
      .remove_xattr = [&](const std::string& xattr) { return ::removexattr(path, xattr.c_str()); },
      .mode = nullptr,
      .times = [&] { return ::utimensat(AT_FDCWD, path, times.data(), 0); },
  };
  if (entry.type != EntryType::symlink) {
    set.mode = [&](mode_t mode) { return ::chmod(path, mode); };
  }
  return apply(set, entry, present);
}

void restore_status(const Directory& directory, const FileStatus& status) noexcept {
  struct stat now {};

  if (::fstat(directory.fd(), &now) != 0) return;
  if ((now.st_mode & 07777U) != status.mode) {
    static_cast<void>(::fchmod(directory.fd(), status.mode));
  }
  const std::array<timespec, 2> times = {
      timespec{0, UTIME_OMIT},
      timespec{status.mtime.seconds, static_cast<long>(status.mtime.nanoseconds)}};
  static_cast<void>(::futimens(directory.fd(), times.data()));
}

std::string user_name(std::uint32_t uid) {
  passwd record{};
  passwd* found = nullptr;
  std::array<char, 16384> buffer{};
  const int error = ::getpwuid_r(uid, &record, buffer.data(), buffer.size(), &found);
  return error == 0 && found != nullptr ? std::string(found->pw_name) : std::string();
}

std::string group_name(std::uint32_t gid) {
  group record{};
  group* found = nullptr;
  std::array<char, 16384> buffer{};
  const int error = ::getgrgid_r(gid, &record, buffer.data(), buffer.size(), &found);
  return error == 0 && found != nullptr ? std::string(found->gr_name) : std::string();
}

std::optional<std::uint32_t> user_number(const std::string& name) {
  passwd record{};
  passwd* found = nullptr;
  std::array<char, 16384> buffer{};
  const int error = ::getpwnam_r(name.c_str(), &record, buffer.data(), buffer.size(), &found);
  if (error != 0 || found == nullptr) return std::nullopt;
  return found->pw_uid;
}

std::optional<std::uint32_t> group_number(const std::string& name) {
  group record{};
  group* found = nullptr;
  std::array<char, 16384> buffer{};
  const int error = ::getgrnam_r(name.c_str(), &record, buffer.data(), buffer.size(), &found);
  if (error != 0 || found == nullptr) return std::nullopt;
  return found->gr_gid;
}

std::uint32_t own_user_number() {
  return ::geteuid();
}

std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

}  // namespace kist
