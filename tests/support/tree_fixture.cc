#include "tests/support/tree_fixture.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <stdexcept>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/support/seeded_random.h"

namespace fs = std::filesystem;

namespace kist::test {

TemporaryDirectory::TemporaryDirectory() {
  std::string name = (fs::temp_directory_path() / "kist-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
  path_ = fs::canonical(name).string();
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void write_file(const std::string& path, View bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
  if (!out) throw std::runtime_error("cannot write " + path);
}

Bytes slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  Bytes out;
  std::array<char, 1 << 16> part{};
  while (in.read(part.data(), part.size()), in.gcount() > 0) {
    out.insert(out.end(), part.data(), part.data() + in.gcount());
  }
  return out;
}

namespace {

Bytes content(SeededRandom& random, std::size_t size) {
  Bytes out(size);
  random.fill(out);
  // Half of it compressible, as real files are.
  for (std::size_t i = 0; i < size / 2; ++i) {
    out[i] = static_cast<std::uint8_t>("the quick brown fox "[i % 20]);
  }
  return out;
}

void make_sparse(const std::string& path) {
  const int fd = ::open(path.c_str(), O_CREAT | O_WRONLY, 0640);
  static_cast<void>(::pwrite(fd, "start", 5, 0));
  static_cast<void>(::pwrite(fd, "middle", 6, 3 << 20));
  static_cast<void>(::ftruncate(fd, 10 << 20));
  ::close(fd);
}

}  // namespace

void make_tree(const std::string& root, std::uint64_t seed) {
  SeededRandom random(seed);
  fs::create_directories(root + "/documents/letters");
  fs::create_directories(root + "/empty directory");
  fs::create_directories(root + "/.hidden");
  const std::size_t sizes[] = {0,       1,       63,      255,     256,    511,
                               512,     513,     4096,    65536,   100000, 262144,
                               1048575, 1048576, 1048577, 3000000, 9000001};
  for (const std::size_t size : sizes) {
    write_file(root + "/documents/file-" + std::to_string(size), content(random, size));
  }
  for (int i = 0; i < 300; ++i) {
    write_file(root + "/documents/letters/letter-" + std::to_string(i),
               content(random, random.next() % 3000));
  }
  write_file(root + "/documents.txt", content(random, 20));  // sorts between directory and content
  write_file(root + "/documents-old", content(random, 20));
  write_file(root + "/name with \n newline and \xff byte", content(random, 700));
  fs::create_symlink("documents/file-4096", root + "/link");
  fs::create_symlink("/nowhere/at/all", root + "/dangling");
  fs::create_hard_link(root + "/documents/file-100000", root + "/second name");
  fs::create_hard_link(root + "/documents/file-100000", root + "/.hidden/third name");
  ::mkfifo((root + "/fifo").c_str(), 0600);
  make_sparse(root + "/sparse");
  static_cast<void>(::setxattr((root + "/documents.txt").c_str(), "user.colour", "green", 5, 0));
  const std::string large(3000, 'x');
  static_cast<void>(::setxattr((root + "/documents").c_str(), "user.large", large.data(), 3000, 0));
  ::chmod((root + "/documents-old").c_str(), 04750);
  ::chmod((root + "/.hidden").c_str(), 01770);
}

void age_tree(const std::string& root) {
  // Change times cannot be set: they are of this moment. Only modification times are moved.
  const timespec past[2] = {{1'600'000'000, 123}, {1'600'000'000, 123'456'789}};
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    ::utimensat(AT_FDCWD, entry.path().c_str(), past, AT_SYMLINK_NOFOLLOW);
  }
}

namespace {

std::map<std::string, std::string> xattrs_of(const std::string& path) {
  std::map<std::string, std::string> out;
  std::string names(65536, '\0');
  const ssize_t size = ::llistxattr(path.c_str(), names.data(), names.size());
  for (ssize_t at = 0; at < size;) {
    const std::string name(names.c_str() + at);
    at += static_cast<ssize_t>(name.size()) + 1;
    std::string value(65536, '\0');
    const ssize_t got = ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
    value.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    out[name] = value;
  }
  return out;
}

std::string describe(const std::string& path, bool with_time) {
  struct stat s {};

  if (::lstat(path.c_str(), &s) != 0) return "absent";
  std::string out = "mode " + std::to_string(s.st_mode) + " owner " + std::to_string(s.st_uid) +
                    ":" + std::to_string(s.st_gid) + " links " +
                    std::to_string(S_ISDIR(s.st_mode) ? 0 : s.st_nlink);
  if (with_time) {
    out += " mtime " + std::to_string(s.st_mtim.tv_sec) + "." + std::to_string(s.st_mtim.tv_nsec);
  }
  if (S_ISREG(s.st_mode)) {
    out += " size " + std::to_string(s.st_size);
    const bool is_sparse = s.st_size > (1 << 20) && s.st_blocks * 512 < s.st_size / 2;
    out += is_sparse ? " sparse" : " dense";
  }
  if (S_ISLNK(s.st_mode)) out += " to " + fs::read_symlink(path).string();
  if (S_ISCHR(s.st_mode) || S_ISBLK(s.st_mode)) out += " device " + std::to_string(s.st_rdev);
  for (const auto& [name, value] : xattrs_of(path)) {
    out.append(" ").append(name).append("=").append(value);
  }
  return out;
}

}  // namespace

std::vector<std::string> compare_trees(const std::string& a, const std::string& b) {
  std::set<std::string> names;
  for (const std::string& root : {a, b}) {
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      names.insert(entry.path().string().substr(root.size()));
    }
  }
  std::vector<std::string> out;
  for (const std::string& name : names) {
    const std::string left = describe(a + name, true);
    const std::string right = describe(b + name, true);
    if (left != right) out.push_back(concat(name, ": ", left, " / ", right));
    const bool is_file = fs::is_regular_file(fs::symlink_status(a + name)) &&
                         fs::is_regular_file(fs::symlink_status(b + name));
    if (is_file && slurp(a + name) != slurp(b + name)) out.push_back(name + ": content differs");
  }
  return out;
}

}  // namespace kist::test
