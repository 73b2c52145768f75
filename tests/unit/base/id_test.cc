// Ids as people type them.
#include "engine/base/id.h"

#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("an id parses only from its own digits") {
  const std::string digits(32, 'a');
  REQUIRE(hex(*parse_id<SlotId>(digits)) == digits);
  REQUIRE_FALSE(parse_id<SlotId>(digits + "a"));
  REQUIRE_FALSE(parse_id<SlotId>(std::string(32, 'A')));
}
