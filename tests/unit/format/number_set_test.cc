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

TEST_CASE("a number set has one encoding, however it came to be") {
  NumberSet by_ranges;
  by_ranges.add_range(0, 3);
  by_ranges.add_range(64, 1);
  NumberSet by_numbers;
  for (const std::uint64_t number : {64U, 2U, 0U, 1U}) {
    by_numbers.add(number);
  }
  NumberSet less;
  less.add_range(0, 100);
  NumberSet rest;
  rest.add_range(3, 61);
  rest.add_range(65, 35);
  less.subtract(rest);
  REQUIRE(by_ranges.encode() == by_numbers.encode());
  REQUIRE(less.encode() == by_numbers.encode());
  // Two runs take 10 bytes, an array of four numbers 8; three in a row 6 either way: a run.
  REQUIRE(by_numbers.encode().size() == 8 + 4 + 8 + 4 + 4 + 8);
  NumberSet row;
  row.add_range(5, 3);
  NumberSet same;
  for (const std::uint64_t number : {5U, 6U, 7U}) {
    same.add(number);
  }
  REQUIRE(row.encode() == same.encode());
  REQUIRE(NumberSet::decode(row.encode(), "set") == row);
}

TEST_CASE("a number set says how many of its numbers are less than one") {
  NumberSet set;
  set.add_range(5, 3);
  set.add_range((std::uint64_t{1} << 32U) - 1, 2);
  const std::uint64_t high = std::uint64_t{1} << 32U;
  for (const auto& [number, count] :
       std::vector<std::pair<std::uint64_t, std::uint64_t>>{{0, 0},
                                                            {5, 0},
                                                            {6, 1},
                                                            {8, 3},
                                                            {high - 1, 3},
                                                            {high, 4},
                                                            {high + 1, 5},
                                                            {UINT64_MAX, 5}}) {
    REQUIRE(set.count_below(number) == count);
  }
}
