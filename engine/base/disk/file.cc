#include "engine/base/disk/file.h"

#include <array>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "engine/base/attempt.h"
#include "engine/base/random.h"

namespace kist {

void throw_errno(std::string_view verb, std::string_view path, int error) {
  std::string text = concat(verb, " ", path, ": ", std::generic_category().message(error));
  if (error == ENOSPC || error == EDQUOT) text += "; make room there and run again";
  throw Error(Code::failed, std::move(text));
}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

void Descriptor::reset() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

File File::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw_errno("cannot open", path, errno);
  return {Descriptor(fd), path};
}

namespace {

File create_with(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
  if (fd < 0) throw_errno("cannot create", path, errno);
  return {Descriptor(fd), path};
}

}  // namespace

File File::create(const std::string& path) {
  return create_with(path, O_TRUNC);
}

File File::create_new(const std::string& path) {
  return create_with(path, O_EXCL);
}

std::size_t File::read_at(std::uint64_t offset, MutableView out) const {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got =
        ::pread(fd(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno("cannot read", path_, errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

void File::write_at(std::uint64_t offset, View bytes) const {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t put =
        ::pwrite(fd(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) throw_errno("cannot write", path_, errno);
    done += static_cast<std::size_t>(put);
  }
}

void File::append(View bytes) const {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t put = ::write(fd(), bytes.data() + done, bytes.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) throw_errno("cannot write", path_, errno);
    done += static_cast<std::size_t>(put);
  }
}

void File::set_size(std::uint64_t size) const {
  if (::ftruncate(fd(), static_cast<off_t>(size)) != 0) throw_errno("cannot size", path_, errno);
}

std::uint64_t File::size() const {
  struct stat status {};

  if (::fstat(fd(), &status) != 0) throw_errno("cannot inspect", path_, errno);
  return static_cast<std::uint64_t>(status.st_size);
}

void File::sync() const {
  if (::fdatasync(fd()) != 0) throw_errno("cannot make durable", path_, errno);
}

namespace {
std::uint64_t seek_or(const File& file, std::uint64_t offset, std::uint64_t fallback, int whence) {
  const off_t found = ::lseek(file.fd(), static_cast<off_t>(offset), whence);
  return found < 0 ? fallback : static_cast<std::uint64_t>(found);
}
}  // namespace

std::uint64_t File::next_data(std::uint64_t offset, std::uint64_t size) const {
  const off_t found = ::lseek(fd(), static_cast<off_t>(offset), SEEK_DATA);
  if (found >= 0) return std::min(static_cast<std::uint64_t>(found), size);
  return errno == ENXIO ? size : offset;
}

std::uint64_t File::next_hole(std::uint64_t offset, std::uint64_t size) const {
  return std::min(seek_or(*this, offset, size, SEEK_HOLE), size);
}

void File::advise_sequential() const noexcept {
  static_cast<void>(::posix_fadvise(fd(), 0, 0, POSIX_FADV_SEQUENTIAL));
}

FileLock::FileLock(const std::string& path) : file_(create_with(path, 0)) {
  while (::flock(file_.fd(), LOCK_EX) != 0) {
    if (errno != EINTR) throw_errno("cannot lock", path, errno);
  }
}

Bytes read_file(const std::string& path, std::uint64_t size_max) {
  return read_file(File::open(path), size_max);
}

// Pipes as well, whose size nobody knows. What fits into the first piece is never moved: a secret
// leaves no copy behind.
Bytes read_file(const File& file, std::uint64_t size_max) {
  constexpr std::uint64_t piece = 64U << 10U;
  Bytes bytes;
  std::size_t done = 0;
  std::uint64_t room = std::max(file.size() + 1, piece);
  while (done <= size_max) {
    bytes.resize(std::min(room, size_max + 1));
    const ssize_t got = ::read(file.fd(), bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno("cannot read", file.path(), errno);
    done += static_cast<std::size_t>(got);
    if (got == 0) {
      bytes.resize(done);
      return bytes;
    }
    if (done == bytes.size()) room = 2 * bytes.size();
  }
  throw Error(Code::invalid, concat(file.path(), " is larger than ", size_max, " bytes"));
}

void sync_name(const std::string& path) {
  const std::string parent(std::filesystem::path(path).parent_path());
  const std::string directory = parent.empty() ? "." : parent;
  const Descriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open() || ::fsync(fd.fd()) != 0) throw_errno("cannot make durable", directory, errno);
}

void replace_file(const std::string& path, View bytes) {
  // A name of its own: other processes may be replacing the same file.
  std::array<std::uint8_t, 8> unique{};
  SystemRandom().fill(unique);
  const std::string temporary = concat(path, ".", to_hex(unique.data(), unique.size()), ".new");
  const auto failure = failure_of([&] {
    const File file = File::create_new(temporary);
    file.append(bytes);
    file.sync();
    rename_path(temporary, path);
  });
  if (failure) {
    ::unlink(temporary.c_str());
    throw Error(*failure);
  }
  sync_name(path);
}

void reserve_file(const std::string& path, std::uint64_t size) {
  const Descriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.is_open()) throw_errno("cannot open", path, errno);

  struct stat status {};

  if (::fstat(fd.fd(), &status) != 0) throw_errno("cannot inspect", path, errno);
  if (static_cast<std::uint64_t>(status.st_blocks) * 512 >= size) return;
  int result = 0;
  do {
    result = ::fallocate(fd.fd(), 0, 0, static_cast<off_t>(size));
  } while (result != 0 && errno == EINTR);
  const bool is_unknown_here = errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL;
  if (result != 0 && !is_unknown_here) throw_errno("cannot reserve room for", path, errno);
}

bool path_exists(const std::string& path) {
  struct stat status {};

  if (::lstat(path.c_str(), &status) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  throw_errno("cannot inspect", path, errno);
}

void make_directories(const std::string& path) {
  for (std::size_t end = path.find('/', 1); true; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST && errno != EISDIR) {
      throw_errno("cannot create directory", part, errno);
    }
    if (end == std::string::npos) return;
  }
}

namespace {

// Opens what is to be overwritten. Empty: nothing has that path, or it leads to no regular file.
// Opening a fifo must not wait, and a link must not be followed.
std::optional<File> open_to_overwrite(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  const int error = errno;

  struct stat status {};

  const int looked = fd < 0 ? ::lstat(path.c_str(), &status) : ::fstat(fd, &status);
  if (looked != 0 && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  if (looked != 0) throw_errno("cannot inspect", path, errno);
  File file(Descriptor(fd), path);
  if (!S_ISREG(status.st_mode)) return std::nullopt;
  if (fd < 0) throw_errno("cannot overwrite", path, error);
  return file;
}

}  // namespace

void overwrite_file(const std::string& path, View bytes) {
  const std::optional<File> file = open_to_overwrite(path);
  if (!file || file->size() != bytes.size()) {
    throw Error(Code::failed, concat(path, " is gone, or not the file that it was; run again"));
  }
  file->write_at(0, bytes);
  file->sync();
}

void wipe_file(const std::string& path) {
  if (const std::optional<File> file = open_to_overwrite(path)) {
    const Bytes zeros(64U << 10U);
    const std::uint64_t size = file->size();
    for (std::uint64_t at = 0; at < size; at += zeros.size()) {
      file->write_at(at, View(zeros).first(std::min<std::uint64_t>(zeros.size(), size - at)));
    }
    file->sync();
  }
  remove_file(path);
}

void remove_file(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) return;
  throw_errno("cannot remove", path, errno);
}

void remove_tree(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) throw_errno("cannot remove", path, error.value());
}

void rename_path(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) throw_errno("cannot rename", from, errno);
}

bool is_on_network(const std::string& path) {
  constexpr std::array<std::uint64_t, 6> network = {
      0x6969,      // NFS
      0xff534d42,  // CIFS
      0xfe534d42,  // SMB2
      0x01021997,  // 9P
      0x00c36400,  // Ceph
      0x5346414f,  // AFS
  };

  struct statfs status {};

  if (::statfs(path.c_str(), &status) != 0) throw_errno("cannot inspect", path, errno);
  const auto type = static_cast<std::uint64_t>(static_cast<std::uint32_t>(status.f_type));
  return std::ranges::find(network, type) != network.end();
}

std::string absolute_path(const std::string& path) {
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error);
  if (error) throw Error(Code::invalid, concat("cannot resolve the path ", path));
  std::string out = absolute.lexically_normal().string();
  while (out.size() > 1 && out.back() == '/') {
    out.pop_back();
  }
  return out;
}

void raise_open_file_limit() noexcept {
  struct rlimit limit {};

  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 64U << 10U);
  static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));
}

std::string real_path(const std::string& path) {
  std::error_code error;
  const auto found = std::filesystem::weakly_canonical(absolute_path(path), error);
  return error ? absolute_path(path) : found.string();
}

Descriptor open_directory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) throw_errno("cannot open directory", path, errno);
  return Descriptor(fd);
}

void create_mark(int directory, const char* name) noexcept {
  const int fd = ::openat(directory, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd >= 0) ::close(fd);
}

void disable_core_dumps() noexcept {
  const struct rlimit none {};

  static_cast<void>(::setrlimit(RLIMIT_CORE, &none));
  static_cast<void>(::prctl(PR_SET_DUMPABLE, 0));
}

}  // namespace kist
