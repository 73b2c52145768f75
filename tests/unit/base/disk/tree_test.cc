// The names of a directory that is read in parts.
#include "engine/base/disk/tree.h"

#include "tests/support/test.h"
#include "tests/support/tree_fixture.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a directory read in parts gives every name once, in order") {
  const TemporaryDirectory directory;
  std::vector<std::string> expected;
  SeededRandom random(seed());
  for (unsigned i = 0; i < 500; ++i) {
    const Bytes draw = random_bytes(random, 8);
    expected.push_back(to_hex(draw.data(), 1 + i % 8) + (i % 7 == 0 ? "\xff" : "x"));
    write_file(directory / expected.back(), {});
  }
  std::ranges::sort(expected);
  expected.erase(std::unique(expected.begin(), expected.end()), expected.end());
  const Directory open = Directory::open(directory.path());
  for (const std::size_t bytes_max : {std::size_t{1}, std::size_t{300}, names_bytes_default}) {
    std::size_t parts = 0;
    NameReader reader([&](const std::string& after) {
      ++parts;
      return open.names(after, bytes_max);
    });
    std::vector<std::string> names;
    while (const std::optional<std::string> name = reader.next()) {
      names.push_back(*name);
    }
    REQUIRE(names == expected);
    REQUIRE((parts == 1) == (bytes_max == names_bytes_default));
  }
}
