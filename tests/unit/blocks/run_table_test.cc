// The table of the blocks that a run has stored itself.
#include "engine/blocks/run_table.h"

#include "tests/unit/blocks/block_fixture.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a run table finds what was put in, with its kind and ordinal, and nothing else") {
  constexpr std::uint64_t count = 5'000;  // it grows three times
  RunTable table;
  REQUIRE_FALSE(table.find(block_id(0)));
  for (std::uint64_t i = 0; i < count; ++i) {
    table.insert(block_id(i), {.is_meta = i % 3 == 0, .ordinal = i * i});
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto found = table.find(block_id(i));
    REQUIRE(found);
    REQUIRE(found->is_meta == (i % 3 == 0));
    REQUIRE(found->ordinal == i * i);
    REQUIRE_FALSE(table.find(block_id(count + i)));
  }
}

TEST_CASE("a run table tells ids apart that belong to one place") {
  RunTable table;
  BlockId first = block_id(1);
  BlockId second = first;
  second.bytes[8] ^= 1U;  // the place follows from the first eight bytes
  table.insert(first, {.is_meta = false, .ordinal = 0});
  REQUIRE_FALSE(table.find(second));
  table.insert(second, {.is_meta = true, .ordinal = 0});
  REQUIRE_FALSE(table.find(first)->is_meta);
  REQUIRE(table.find(second)->is_meta);
}
