// Secrets leave nothing behind.
#include "engine/crypto/secret.h"

#include "tests/support/test.h"
#include "tests/unit/crypto/crypto_fixture.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a moved key leaves zeros behind") {
  Key key = key_of(4);
  const Key taken = std::move(key);
  REQUIRE(key.is_zero());  // NOLINT(bugprone-use-after-move, clang-analyzer-cplusplus.Move)
  REQUIRE(equal(taken.view(), Bytes(32, 4)));
}
