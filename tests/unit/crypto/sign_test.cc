// Signatures.
#include "engine/crypto/sign.h"

#include "tests/support/test.h"
#include "tests/unit/crypto/crypto_fixture.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a signature holds for its message and key alone") {
  const Signature signature = sign(key_of(1), as_view("message"));
  REQUIRE(verify_signature(signing_public_key(key_of(1)), as_view("message"), signature));
  REQUIRE_FALSE(verify_signature(signing_public_key(key_of(1)), as_view("massage"), signature));
  REQUIRE_FALSE(verify_signature(signing_public_key(key_of(2)), as_view("message"), signature));
}
