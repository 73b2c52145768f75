#include "engine/base/disk/permissions.h"

#include <array>
#include <cerrno>

#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/disk/file.h"

namespace kist {

namespace {

struct stat status_of(const File& file) {
  struct stat status {};

  if (::fstat(file.fd(), &status) != 0) throw_errno("cannot inspect", file.path(), errno);
  return status;
}

// As chmod takes it: 0644.
std::string mode_text(mode_t mode) {
  std::string out = "0";
  for (const unsigned shift : {6U, 3U, 0U}) {
    out += static_cast<char>('0' + ((mode >> shift) & 7U));
  }
  return out;
}

[[noreturn]] void refuse_secret(const std::string& path, mode_t mode, std::string_view what) {
  throw Error(Code::refused,
              concat(path, " holds a secret, and others may ", what, " it (mode ", mode_text(mode),
                     "): run chmod go-rwx ", path,
                     "; where modes cannot be changed, give a copy that only you may read"));
}

}  // namespace

Bytes read_secret_file(const std::string& path, std::uint64_t size_max) {
  const File file = File::open(path);
  const struct stat status = status_of(file);
  if (S_ISREG(status.st_mode) || S_ISFIFO(status.st_mode)) {
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) refuse_secret(path, status.st_mode, "write");
    if ((status.st_mode & S_IROTH) != 0) refuse_secret(path, status.st_mode, "read");
  }
  return read_file(file, size_max);
}

void require_private_directory(const std::string& path, MayBeShared may_be_shared) {
  const File directory(open_directory(path), path);
  const struct stat status = status_of(directory);
  constexpr std::string_view reason =
      "who writes there chooses what backups of this machine skip, and what it remembers";
  if (status.st_uid != 0 && status.st_uid != ::geteuid()) {
    throw Error(Code::refused,
                concat("the state directory ", path, " belongs to another user (number ",
                       status.st_uid, "), and ", reason,
                       ": give it to this one with chown, or name a new directory with "
                       "--state-dir"));
  }
  const bool is_sticky = may_be_shared == MayBeShared::yes && (status.st_mode & S_ISVTX) != 0;
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) == 0 || is_sticky) return;
  throw Error(Code::refused,
              concat("others may write to the state directory ", path, " (mode ",
                     mode_text(status.st_mode), "), and ", reason, ": run chmod go-w ", path,
                     ", or name a new directory with --state-dir (one below it will do)"));
}

}  // namespace kist
