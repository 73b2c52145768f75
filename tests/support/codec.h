// The promise of every layout of the format, for tests of layouts.
#pragma once

#include "tests/support/test.h"

namespace kist::test {

// What was encoded decodes to itself; anything cut, lengthened or changed is refused or stands for
// exactly its own bytes.
template <typename Value, typename Encode, typename Decode>
void require_codec(const Value& value, const Encode& encode, const Decode& decode) {
  const Bytes encoded = encode(value);
  REQUIRE(decode(View(encoded)) == value);
  require_strict(encoded, decode);
  require_canonical(encoded, decode, encode);
}

}  // namespace kist::test
