// Which packs a set of numbers needs, and which numbers a pack stands for.
#include "engine/blocks/pack_ranges.h"

#include "tests/unit/blocks/block_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

NumberSet set_of(const std::vector<std::uint64_t>& numbers) {
  NumberSet out;
  for (const std::uint64_t number : numbers) {
    out.add(number);
  }
  return out;
}

}  // namespace

TEST_CASE("a set needs the packs that hold its numbers, and no others") {
  IndexFixture fixture;
  fixture.load_pack(100, {1, 2, 3});
  fixture.load_pack(103, {4});
  fixture.load_pack(200, {5, 6});  // numbers between were burnt
  fixture.load_pack(50, {7});      // a load out of order, as after a gap
  const PackRanges ranges{BlockIndex::Reader(fixture.index)};
  using Packs = std::vector<std::uint32_t>;
  REQUIRE(ranges.packs_of({}).empty());
  REQUIRE(ranges.packs_of(set_of({100, 102})) == Packs{0});
  REQUIRE(ranges.packs_of(set_of({102, 103, 201})) == Packs{0, 1, 2});
  REQUIRE(ranges.packs_of(set_of({50, 200})) == Packs{2, 3});
  REQUIRE(ranges.packs_of(set_of({49})).empty());
  REQUIRE(ranges.packs_of(set_of({150})) == Packs{1});  // one too many
}

TEST_CASE("of a set each pack holds so many numbers") {
  IndexFixture fixture;
  fixture.load_pack(100, {1, 2, 3});
  fixture.load_pack(103, {4});
  fixture.load_pack(200, {5, 6});
  const PackRanges ranges{BlockIndex::Reader(fixture.index)};
  using Counts = std::map<std::uint32_t, std::uint64_t>;
  REQUIRE(ranges.counts_of({}).empty());
  REQUIRE(ranges.counts_of(set_of({100, 102, 103, 201})) == Counts{{0, 2}, {1, 1}, {2, 1}});
  REQUIRE(ranges.counts_of(set_of({50, 101})) == Counts{{0, 1}});
}

TEST_CASE("a run is touched where it meets a number that is not relied on") {
  IndexFixture fixture;
  fixture.load_pack(100, {1, 2, 3});
  fixture.load_pack(103, {4});
  fixture.load_pack(104, {5, 6});
  const PackRanges ranges{BlockIndex::Reader(fixture.index)};
  const UnreliedNumbers unrelied{.below = 20, .ranges = ranges.ranges_of({1})};
  const auto touches = [&](std::uint64_t first, std::uint64_t count) {
    return unrelied.touch({{NumberBase::absolute, 30, 1}, {NumberBase::absolute, first, count}});
  };
  REQUIRE_FALSE(unrelied.touch({}));
  REQUIRE(touches(19, 1));
  REQUIRE_FALSE(touches(20, 83));
  REQUIRE(touches(20, 84));
  REQUIRE(touches(103, 1));
  REQUIRE_FALSE(touches(104, 100));
  // The last pack stands for all that follows.
  REQUIRE(
      UnreliedNumbers{.ranges = ranges.ranges_of({0, 2})}.touch({{NumberBase::absolute, 5000, 1}}));
}
