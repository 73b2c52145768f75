// Files read whole.
#include "engine/base/disk/file.h"

#include <thread>

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
