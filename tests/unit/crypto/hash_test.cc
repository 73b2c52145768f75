// Names of objects.
#include "engine/crypto/hash.h"

#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("the name of an object is BLAKE2b-256, as RFC 7693 computes it") {
  // BLAKE2b-256 of the empty string and of "abc", from the reference implementation.
  REQUIRE(hex(hash_object({})) ==
          "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
  REQUIRE(hex(hash_object(as_view("abc"))) ==
          "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

TEST_CASE("hashing piece by piece gives the hash of the whole") {
  ObjectHasher hasher;
  hasher.update(as_view("a"));
  hasher.update(as_view("bc"));
  REQUIRE(hasher.finish() == hash_object(as_view("abc")));
}
