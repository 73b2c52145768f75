// Which stored copy of a block may be relied on.
#include "engine/blocks/trusted_copy.h"

#include "tests/unit/blocks/block_fixture.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("of a block's copies the lowest is found that is trusted and serves") {
  IndexFixture fixture;
  for (const std::uint64_t number : {10U, 11U, 20U, 30U}) {
    fixture.load_pack(number, {1});
  }
  const BlockIndex::Reader index(fixture.index);
  std::vector<std::uint64_t> asked;
  const auto number_of = [&](const TrustedNumbers& trusted, std::uint64_t least) {
    asked.clear();
    const auto copy = find_trusted(index, trusted, tag_of(block_id(1)), [&](const auto& candidate) {
      asked.push_back(candidate.number);
      return candidate.number >= least;
    });
    return copy ? copy->number : 0;
  };
  REQUIRE(number_of({}, 0) == 10);
  REQUIRE(number_of({}, 12) == 20);
  REQUIRE(number_of(trust_all_but(10, 2), 0) == 20);
  REQUIRE(asked == std::vector<std::uint64_t>{20});  // the others were not even offered
  REQUIRE(number_of(trust_all_but(10, 2), 21) == 30);
  REQUIRE(number_of(trust_all_but(10, 21), 0) == 0);
  REQUIRE(number_of({}, 31) == 0);
}
