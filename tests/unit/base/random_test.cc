// The generator of the tests themselves.
#include "engine/base/random.h"

#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("the same seed draws the same bytes") {
  SeededRandom a(9);
  SeededRandom b(9);
  REQUIRE(random_bytes(a, 100) == random_bytes(b, 100));
}
