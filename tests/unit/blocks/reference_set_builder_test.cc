// The reference set of a snapshot.
#include "engine/blocks/reference_set_builder.h"

#include "tests/support/samples.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

std::vector<std::uint64_t> numbers_of(const NumberSet& set) {
  std::vector<std::uint64_t> out;
  set.for_each([&](std::uint64_t number) { out.push_back(number); });
  return out;
}

using Numbers = std::vector<std::uint64_t>;

// Two stored blocks, the second of three new data blocks, the first of two new meta blocks.
ReferenceSetBuilder some_blocks() {
  ReferenceSetBuilder out;
  out.add({NumberBase::absolute, 40, 2});
  out.add({NumberBase::new_data, 1, 1});
  out.add({NumberBase::new_meta, 0, 1});
  return out;
}

constexpr NewBlockCounts counts{.data = 3, .meta = 2};

}  // namespace

TEST_CASE("a set holds stored blocks by number, and new ones as their entry will number them") {
  const SnapshotStatistics statistics = sample_reference_set().statistics;
  const ReferenceSet set = some_blocks().build(counts, statistics, nullptr);
  REQUIRE(numbers_of(set.absolute) == Numbers{40, 41});
  REQUIRE(numbers_of(set.relative) == Numbers{1, 64});
  REQUIRE(set.statistics == statistics);
}

TEST_CASE("the set of a pending snapshot also holds all new blocks, and what it keeps for later") {
  NumberSet adopted;
  adopted.add(7);
  const PendingParts pending{
      .unfinished = {{NumberBase::absolute, 60, 1}, {NumberBase::new_data, 2, 1}},
      .adopted = &adopted};
  const ReferenceSet set = some_blocks().build(counts, {}, &pending);
  REQUIRE(numbers_of(set.absolute) == Numbers{7, 40, 41, 60});
  REQUIRE(numbers_of(set.relative) == Numbers{0, 1, 2, 64, 65});
}

TEST_CASE("blocks that an entry has introduced stand in later sets by their numbers") {
  ReferenceSetBuilder builder = some_blocks();
  builder.begin_next_entry(reserve(100, 3, 2));
  builder.add({NumberBase::new_data, 0, 1});
  const ReferenceSet set = builder.build({.data = 1, .meta = 0}, {}, nullptr);
  REQUIRE(numbers_of(set.absolute) == Numbers{40, 41, 101, 164});
  REQUIRE(numbers_of(set.relative) == Numbers{0});
}
