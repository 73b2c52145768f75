#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <functional>
#include <system_error>

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

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
  std::function<int(mode_t)> mode;
  std::function<int()> times;
};

// Owner first (it clears setuid and capabilities), then attributes, then mode, then times.
std::vector<Refusal> apply(const Setters& set, const Entry& entry) {
  std::vector<Refusal> out;
  mode_t mode = entry.mode;
  if (set.owner() != 0) {
    out.push_back({"owner", reason(errno)});
    if ((mode & 06000U) != 0) out.push_back({"setuid and setgid", "the owner could not be set"});
    mode &= 01777U;  // never for another owner than was meant
  }
  for (const Xattr& xattr : entry.xattrs) {
    if (set.xattr(xattr) != 0) {
      out.push_back({concat("extended attribute ", xattr.name), reason(errno)});
    }
  }
  if (set.mode && set.mode(mode) != 0) out.push_back({"mode", reason(errno)});
  if (set.times() != 0) out.push_back({"times", reason(errno)});
  return out;
}

}  // namespace

std::vector<Xattr> file_xattrs(const File& file) {
  return xattrs_of(file.fd(), file.path());
}

std::vector<Xattr> Directory::own_xattrs() const {
  return xattrs_of(fd(), path_);
}

std::vector<Xattr> Directory::xattrs(const std::string& name) const {
  const std::string path = proc_path(name);
  return read_xattrs(
      [&](char* out, std::size_t size) { return ::llistxattr(path.c_str(), out, size); },
      [&](const char* xattr, void* out, std::size_t size) {
        return ::lgetxattr(path.c_str(), xattr, out, size);
      },
      join_path(path_, name));
}

std::vector<Refusal> set_metadata(int fd, const Entry& entry) {
  const auto times = times_of(entry);
  return apply({.owner = [&] { return ::fchown(fd, entry.uid, entry.gid); },
                .xattr =
                    [&](const Xattr& xattr) {
                      return ::fsetxattr(fd, xattr.name.c_str(), xattr.value.data(),
                                         xattr.value.size(), 0);
                    },
                .mode = [&](mode_t mode) { return ::fchmod(fd, mode); },
                .times = [&] { return ::futimens(fd, times.data()); }},
               entry);
}

std::vector<Refusal> set_metadata_at(const Directory& parent,
                                     const std::string& name,
                                     const Entry& entry) {
  const auto times = times_of(entry);
  const std::string path = parent.proc_path(name);
  Setters set{
      .owner =
          [&] {
            return ::fchownat(parent.fd(), name.c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW);
          },
      .xattr =
          [&](const Xattr& xattr) {
            return ::lsetxattr(path.c_str(), xattr.name.c_str(), xattr.value.data(),
                               xattr.value.size(), 0);
          },
      .mode = nullptr,
      .times =
          [&] { return ::utimensat(parent.fd(), name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW); },
  };
  if (entry.type != EntryType::symlink) {
    set.mode = [&](mode_t mode) {
      return ::fchmodat(parent.fd(), name.c_str(), mode, AT_SYMLINK_NOFOLLOW);
    };
  }
  return apply(set, entry);
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

std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

}  // namespace kist
