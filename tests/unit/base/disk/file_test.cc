// Files read whole, and files overwritten where they lie.
#include "engine/base/disk/file.h"

#include <filesystem>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/test.h"
#include "tests/support/tree_fixture.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a file is read whole whatever its size and kind, up to the limit") {
  const TemporaryDirectory directory;
  const Bytes large(300'000, 7);
  write_file(directory / "large", large);
  REQUIRE(read_file(directory / "large", large.size()) == large);
  REQUIRE(error_code([&] { read_file(directory / "large", large.size() - 1); }) == Code::invalid);
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const std::string path = concat("/proc/self/fd/", ends[0]);
  const auto write_all = [&] {
    for (std::size_t done = 0; done < large.size();) {
      done += static_cast<std::size_t>(::write(ends[1], &large[done], large.size() - done));
    }
    ::close(ends[1]);
  };
  std::thread writer(write_all);
  const Bytes got = read_file(path, large.size());
  writer.join();
  ::close(ends[0]);
  REQUIRE(got == large);
}

TEST_CASE("a file that is overwritten or wiped is so under every name that it has") {
  const TemporaryDirectory directory;
  const std::string path = directory / "key";
  const std::string other = directory / "other";
  const Bytes old(70'000, 5);
  write_file(path, old);
  std::filesystem::create_hard_link(path, other);
  const Bytes fresh(old.size(), 6);
  overwrite_file(path, fresh);
  REQUIRE(slurp(path) == fresh);
  REQUIRE(slurp(other) == fresh);
  REQUIRE(error_code([&] { overwrite_file(path, Bytes(5)); }) == Code::failed);
  REQUIRE(slurp(path) == fresh);
  wipe_file(path);
  REQUIRE_FALSE(path_exists(path));
  REQUIRE(slurp(other) == Bytes(old.size()));
  REQUIRE_NOTHROW(wipe_file(path));  // absent is fine
  REQUIRE(error_code([&] { overwrite_file(path, fresh); }) == Code::failed);
}

TEST_CASE("wiping what is no file takes the name away, and touches nothing else") {
  const TemporaryDirectory directory;
  const std::string outside = directory / "outside";
  const std::string path = directory / "key";
  write_file(outside, Bytes(10, 5));
  std::filesystem::create_symlink(outside, path);
  REQUIRE(error_code([&] { overwrite_file(path, Bytes(10)); }) == Code::failed);
  wipe_file(path);
  REQUIRE_FALSE(path_exists(path));
  REQUIRE(slurp(outside) == Bytes(10, 5));
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  wipe_file(path);  // and does not wait for a reader
  REQUIRE_FALSE(path_exists(path));
  REQUIRE_NOTHROW(wipe_file(outside + "/below a file"));
}

TEST_CASE("what cannot be overwritten is not removed, as if it had been") {
  const TemporaryDirectory directory;
  const std::string path = directory / "key";
  write_file(path, Bytes(10, 5));
  REQUIRE(::chmod(path.c_str(), 0400) == 0);
  if (::access(path.c_str(), W_OK) == 0) return;  // root may
  REQUIRE(error_code([&] { wipe_file(path); }) == Code::failed);
  REQUIRE(slurp(path) == Bytes(10, 5));
}
