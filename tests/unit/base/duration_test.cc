#include "engine/base/duration.h"

#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a duration is a number and a unit, and nothing else") {
  REQUIRE(parse_duration("90s")->seconds() == 90);
  REQUIRE(parse_duration("5min")->seconds() == 300);
  REQUIRE(parse_duration("1m")->seconds() == 30 * 86'400);
  REQUIRE(parse_duration("10y")->seconds() == std::uint64_t{3650} * 86'400);
  REQUIRE(parse_duration("292471208677y")->seconds() < INT64_MAX);
  for (const char* text :
       {"", "7", "d", " 7d", "7 d", "-7d", "7d ", "7dd", "7D", "1.5h", "292471208678y"}) {
    INFO(text);
    REQUIRE_FALSE(parse_duration(text));
  }
}
