// Number sets in the one encoding that is taken.
#include "engine/format/number_set.h"

#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a number set in another encoding of the same numbers is refused") {
  NumberSet set;
  set.add_range(0, 100);
  const Bytes canonical = set.encode();
  REQUIRE(NumberSet::decode(canonical, "set") == set);
  // The same hundred numbers as an array container instead of a run.
  ByteWriter other;
  other.u64(1);
  other.u32(0);
  other.u32(12346);
  other.u32(1);
  other.u16(0);
  other.u16(99);
  other.u32(16);
  for (std::uint16_t i = 0; i < 100; ++i) {
    other.u16(i);
  }
  REQUIRE(error_code([&] { NumberSet::decode(other.view(), "set"); }) == Code::corrupt);
}
