// The order of paths: the one in which a manifest lists them.
#include "engine/base/entry.h"

#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a directory comes before what it holds and before its longer namesakes") {
  REQUIRE(compare_paths("a", "a/b") < 0);
  REQUIRE(compare_paths("a/b", "a-b") < 0);
  REQUIRE(compare_paths("a.txt", "a/b") > 0);
  REQUIRE(compare_paths("", "a") < 0);
  REQUIRE(compare_paths("a/b", "a/b") == 0);
  REQUIRE(is_within("a/b", "a"));
  REQUIRE_FALSE(is_within("ab", "a"));
}
