// The disk below a local store: where it keeps what is not yet, or no longer, an object, and what
// it overwrites.
#include "engine/base/disk/disk.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <future>
#include <thread>

#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "engine/base/disk/file.h"
#include "tests/support/test.h"
#include "tests/support/tree_fixture.h"

using namespace kist;
using namespace kist::test;

namespace fs = std::filesystem;

namespace {

struct DiskFixture {
  DiskFixture() { disk->make_directory("keys"); }

  // All names in the root and below.
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::recursive_directory_iterator(root.path())) {
      if (!entry.is_directory()) out.push_back(fs::relative(entry.path(), root.path()).string());
    }
    std::ranges::sort(out);
    return out;
  }

  void remove(const std::string& path) const {
    if (const auto hidden = disk->hide(path)) disk->wipe(*hidden);
  }

  TemporaryDirectory root;
  std::unique_ptr<Disk> disk = open_disk(root.path());
};

bool is_all_zeros(const Bytes& bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

// The bytes that an open file still has, whatever became of its name.
Bytes bytes_of(const File& file) {
  Bytes out(file.size());
  out.resize(file.read_at(0, out));
  return out;
}

// Seconds since 1970.
std::int64_t changed_at(const File& file) {
  struct stat status {};

  REQUIRE(::fstat(file.fd(), &status) == 0);
  return status.st_mtim.tv_sec;
}

// A system call that answers with an error where an argument's lower half has one of the bits.
struct FailingCall {
  std::uint32_t number;
  std::uint32_t argument;
  std::uint32_t bits;
  std::uint32_t error;
};

// Runs it in a thread in which that call fails. False: the kernel does not let the test do that.
bool run_with(const FailingCall& call, const std::function<void()>& run) {
  std::future<bool> filtered = std::async(std::launch::async, [&] {
    const auto at = [](std::size_t offset) { return static_cast<std::uint32_t>(offset); };
    const std::uint32_t argument = at(offsetof(seccomp_data, args)) + call.argument * 8;
    std::array<sock_filter, 6> code{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at(offsetof(seccomp_data, nr))),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call.number, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, call.bits, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | call.error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog program{code.size(), code.data()};
    const bool is_filtered = ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                             ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
    if (is_filtered) run();
    return is_filtered;
  });
  return filtered.get();
}

}  // namespace

TEST_CASE("a file that is removed is out of sight first, then overwritten, then gone") {
  DiskFixture fixture;
  const std::string path = fixture.root / "keys/a";
  write_file(path, Bytes(100'000, 5));
  const File open = File::open(path);
  const auto hidden = fixture.disk->hide("keys/a");
  REQUIRE(hidden);
  REQUIRE(fixture.names() == std::vector<std::string>{*hidden});
  REQUIRE(hidden->starts_with("tmp/"));
  REQUIRE(bytes_of(open) == Bytes(100'000, 5));
  fixture.disk->wipe(*hidden);
  REQUIRE(fixture.names().empty());
  REQUIRE(open.size() == 100'000);
  REQUIRE(is_all_zeros(bytes_of(open)));
  REQUIRE_FALSE(fixture.disk->hide("keys/a"));
  REQUIRE_FALSE(fixture.disk->hide("nowhere/a"));
}

TEST_CASE("bytes that another name leads to are not overwritten") {
  DiskFixture fixture;
  write_file(fixture.root / "keys/a", to_bytes("the same"));
  fs::create_hard_link(fixture.root / "keys/a", fixture.root / "copy");
  fixture.remove("keys/a");
  REQUIRE(fixture.names() == std::vector<std::string>{"copy"});
  REQUIRE(slurp(fixture.root / "copy") == to_bytes("the same"));
}

TEST_CASE("a directory that is wiped goes with what is in it, and with nothing that it leads to") {
  DiskFixture fixture;
  fs::create_directories(fixture.root / "keys/copy/deeper");
  fs::create_directories(fixture.root / "outside/below");
  write_file(fixture.root / "keys/copy/deeper/a", Bytes(100'000, 5));
  write_file(fixture.root / "outside/below/b", to_bytes("somebody's"));
  fs::create_directory_symlink(fixture.root / "outside", fixture.root / "keys/copy/link");
  fs::create_hard_link(fixture.root / "outside/below/b", fixture.root / "keys/copy/b");
  const File open = File::open(fixture.root / "keys/copy/deeper/a");
  fixture.remove("keys/copy");
  REQUIRE(is_all_zeros(bytes_of(open)));
  REQUIRE(fixture.names() == std::vector<std::string>{"outside/below/b"});
  REQUIRE(slurp(fixture.root / "outside/below/b") == to_bytes("somebody's"));
  // So deep that no object is: it stays where it is, to be seen.
  std::string path = "keys/deep";
  for (int level = 0; level < 100; ++level) {
    path += "/x";
    fs::create_directories(fixture.root / path);
  }
  REQUIRE(error_code([&] { fixture.remove("keys/deep"); }) == Code::failed);
  REQUIRE(fs::exists(fixture.root / path));
}

TEST_CASE("nothing is removed or overwritten behind a link in the place of a folder") {
  DiskFixture fixture;
  fs::create_directories(fixture.root / "outside");
  write_file(fixture.root / "outside/a", to_bytes("somebody's"));
  fs::last_write_time(fixture.root / "outside/a",
                      fs::file_time_type::clock::now() - std::chrono::hours(3));
  fs::create_directory_symlink(fixture.root / "outside", fixture.root / "grants");
  REQUIRE(error_code([&] { fixture.remove("grants/a"); }) == Code::failed);
  REQUIRE(error_code([&] { fixture.disk->wipe("grants/a"); }) == Code::failed);
  REQUIRE(error_code([&] { fixture.disk->replace("grants/a", Bytes(5, 7)); }) == Code::failed);
  // tmp/ is where leftovers are cleared, when the first file is made.
  fs::create_directory_symlink(fixture.root / "outside", fixture.root / "tmp");
  write_file(fixture.root / "keys/a", to_bytes("an object"));
  static_cast<void>(fixture.disk->create());
  REQUIRE(error_code([&] { fixture.remove("keys/a"); }) == Code::failed);
  REQUIRE(error_code([&] { fixture.disk->replace("keys/a", Bytes(5, 7)); }) == Code::failed);
  REQUIRE(slurp(fixture.root / "outside/a") == to_bytes("somebody's"));
  REQUIRE(slurp(fixture.root / "keys/a") == to_bytes("an object"));
}

TEST_CASE("what is no file in tmp/ keeps nobody from making one, and is left alone") {
  DiskFixture fixture;
  fs::create_directories(fixture.root / "tmp/directory");
  write_file(fixture.root / "tmp/directory/a", to_bytes("a"));
  REQUIRE(::mkfifo((fixture.root / "tmp/fifo").c_str(), 0600) == 0);
  for (const char* name : {"tmp/directory", "tmp/fifo"}) {
    fs::last_write_time(fixture.root / name,
                        fs::file_time_type::clock::now() - std::chrono::hours(3));
  }
  static_cast<void>(fixture.disk->create());  // does not wait for a writer of the fifo
  REQUIRE(fixture.names() == std::vector<std::string>{"tmp/directory/a", "tmp/fifo"});
}

TEST_CASE("a file that is removed or replaced while it is read is never read in part") {
  DiskFixture fixture;
  const std::string path = fixture.root / "keys/a";
  write_file(path, Bytes(100'000, 5));
  // A file that was overwritten, and lost its path, between the opening and the reading.
  std::atomic<bool> is_done = false;
  std::thread replacer([&] {
    for (int round = 0; round < 300; ++round) {
      fixture.disk->replace("keys/a", Bytes(100'000, 6));
    }
    is_done = true;
  });
  bool is_whole = true;
  while (!is_done) {
    Bytes bytes(100'000);
    is_whole = is_whole && fixture.disk->read("keys/a", 0, bytes) == bytes.size() &&
               (bytes == Bytes(100'000, 5) || bytes == Bytes(100'000, 6));
  }
  replacer.join();
  REQUIRE(is_whole);
}

TEST_CASE("a directory is removed only if it is empty") {
  DiskFixture fixture;
  write_file(fixture.root / "keys/a", to_bytes("a"));
  fixture.disk->remove_directory("keys");
  REQUIRE(fixture.names() == std::vector<std::string>{"keys/a"});
  fixture.remove("keys/a");
  fixture.disk->remove_directory("keys");
  REQUIRE_FALSE(fs::exists(fixture.root / "keys"));
  fixture.disk->remove_directory("keys");
}

TEST_CASE("what is no regular file is removed, and nothing that it leads to is touched") {
  DiskFixture fixture;
  write_file(fixture.root / "target", to_bytes("somebody's"));
  fs::create_symlink(fixture.root / "target", fixture.root / "keys/link");
  REQUIRE(::mkfifo((fixture.root / "keys/fifo").c_str(), 0600) == 0);
  fixture.remove("keys/link");
  fixture.remove("keys/fifo");
  REQUIRE(fixture.names() == std::vector<std::string>{"target"});
  REQUIRE(slurp(fixture.root / "target") == to_bytes("somebody's"));
}

TEST_CASE("a file that takes another's place is never beside it, and the other is overwritten") {
  DiskFixture fixture;
  const std::string path = fixture.root / "keys/a";
  write_file(path, Bytes(1000, 5));
  const File former = File::open(path);
  fixture.disk->replace("keys/a", Bytes(500, 6));
  REQUIRE(slurp(path) == Bytes(500, 6));
  REQUIRE(is_all_zeros(bytes_of(former)));
  REQUIRE(fixture.names() == std::vector<std::string>{"keys/a"});
  fixture.disk->replace("keys/b", Bytes(500, 7));
  REQUIRE(fixture.names() == std::vector<std::string>{"keys/a", "keys/b"});
  // Where it cannot be put, nothing is left.
  REQUIRE(error_code([&] { fixture.disk->replace("nowhere/a", Bytes(500, 7)); }) == Code::failed);
  REQUIRE(fixture.names() == std::vector<std::string>{"keys/a", "keys/b"});
}

TEST_CASE("a replaced file is overwritten where the file system does not exchange names") {
  DiskFixture fixture;
  const std::string path = fixture.root / "keys/a";
  write_file(path, Bytes(1000, 5));
  const File former = File::open(path);
  const FailingCall no_exchange{SYS_renameat2, 4, RENAME_EXCHANGE, EINVAL};
  REQUIRE(run_with(no_exchange, [&] {
    fixture.disk->replace("keys/a", Bytes(500, 6));
    fixture.disk->replace("keys/b", Bytes(500, 7));
  }));
  REQUIRE(slurp(path) == Bytes(500, 6));
  REQUIRE(is_all_zeros(bytes_of(former)));
  REQUIRE(fixture.names() == std::vector<std::string>{"keys/a", "keys/b"});
}

TEST_CASE("a replaced file keeps its bytes where its folder could not be made durable") {
  DiskFixture fixture;
  const std::string path = fixture.root / "keys/a";
  write_file(path, Bytes(1000, 5));
  const File former = File::open(path);
  const FailingCall no_sync{SYS_fsync, 0, ~0U, EIO};
  REQUIRE(run_with(no_sync, [&] {
    REQUIRE(error_code([&] { fixture.disk->replace("keys/a", Bytes(500, 6)); }) == Code::failed);
  }));
  REQUIRE(bytes_of(former) == Bytes(1000, 5));
  REQUIRE(fixture.names() == std::vector<std::string>{"keys/a"});
}

TEST_CASE(
    "a file whose place is taken is young until then, so that nobody takes it for a leftover") {
  DiskFixture fixture;
  const std::string path = fixture.root / "keys/a";
  write_file(path, Bytes(1000, 5));
  fs::last_write_time(path, fs::last_write_time(path) - std::chrono::hours(1000));
  const File former = File::open(path);
  const std::int64_t before = changed_at(former);
  const FailingCall no_sync{SYS_fsync, 0, ~0U, EIO};
  REQUIRE(run_with(no_sync, [&] {
    REQUIRE(error_code([&] { fixture.disk->replace("keys/a", Bytes(500, 6)); }) == Code::failed);
  }));
  REQUIRE(changed_at(former) >= before + std::int64_t{1000} * 3600);
}

TEST_CASE(
    "an exchange that fails for another reason is not tried again, and nothing is overwritten") {
  DiskFixture fixture;
  const std::string path = fixture.root / "keys/a";
  write_file(path, Bytes(1000, 5));
  const File former = File::open(path);
  const FailingCall no_exchange{SYS_renameat2, 4, RENAME_EXCHANGE, EIO};
  REQUIRE(run_with(no_exchange, [&] {
    REQUIRE(error_code([&] { fixture.disk->replace("keys/a", Bytes(500, 6)); }) == Code::failed);
  }));
  REQUIRE(slurp(path) == Bytes(1000, 5));
  REQUIRE(bytes_of(former) == Bytes(1000, 5));
  REQUIRE(fixture.names() == std::vector<std::string>{"keys/a"});
}

TEST_CASE("old leftovers in tmp/ are overwritten and removed, young ones and objects are not") {
  DiskFixture fixture;
  fs::create_directory(fixture.root / "tmp");
  for (const std::string name : {"old", "young", "object"}) {
    write_file(fixture.root / ("tmp/" + name), Bytes(1000, 5));
  }
  // A crash between the two: the object has its path, and its first name still.
  fs::create_hard_link(fixture.root / "tmp/object", fixture.root / "keys/object");
  const auto long_ago = fs::file_time_type::clock::now() - std::chrono::hours(2);
  for (const std::string name : {"old", "object"}) {
    fs::last_write_time(fixture.root / ("tmp/" + name), long_ago);
  }
  const File old = File::open(fixture.root / "tmp/old");
  static_cast<void>(fixture.disk->create());
  REQUIRE(fixture.names() == std::vector<std::string>{"keys/object", "tmp/young"});
  REQUIRE(is_all_zeros(bytes_of(old)));
  REQUIRE(slurp(fixture.root / "keys/object") == Bytes(1000, 5));
}
