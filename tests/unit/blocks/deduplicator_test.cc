// Which blocks are known, and how new ones are counted.
#include "engine/blocks/deduplicator.h"

#include "tests/unit/blocks/block_fixture.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a block is new once, and known to its run from then on") {
  IndexFixture fixture;
  Deduplicator deduplicator(fixture.stored());
  REQUIRE_FALSE(deduplicator.find(block_id(1)));
  const ReferenceRun added = deduplicator.add(PackKind::data, block_id(1));
  REQUIRE(added == ReferenceRun{NumberBase::new_data, 0});
  REQUIRE(deduplicator.find(block_id(1)) == added);
  REQUIRE_FALSE(deduplicator.find(block_id(2)));
}

TEST_CASE("new data blocks and new meta blocks are counted apart, in the order they come") {
  IndexFixture fixture;
  Deduplicator deduplicator(fixture.stored());
  REQUIRE(deduplicator.add(PackKind::data, block_id(1)).first == 0);
  REQUIRE(deduplicator.add(PackKind::meta, block_id(2)) == ReferenceRun{NumberBase::new_meta, 0});
  REQUIRE(deduplicator.add(PackKind::data, block_id(3)).first == 1);
  REQUIRE(deduplicator.add(PackKind::meta, block_id(4)).first == 1);
  REQUIRE(deduplicator.find(block_id(4)) == ReferenceRun{NumberBase::new_meta, 1});
  REQUIRE(deduplicator.new_data_count() == 2);
  REQUIRE(deduplicator.new_block_count() == 4);
}

TEST_CASE("a block that is stored is referred to by its number") {
  IndexFixture fixture;
  fixture.load_pack(100, {1, 2, 3});
  const Deduplicator deduplicator(fixture.stored());
  REQUIRE(deduplicator.find(block_id(2)) == ReferenceRun{NumberBase::absolute, 101});
}

TEST_CASE("a copy that the policy does not trust is not relied on") {
  IndexFixture fixture;
  fixture.load_pack(100, {1, 2});
  fixture.load_pack(102, {2});
  const Deduplicator deduplicator(fixture.stored(trust_all_but(100, 2)));
  REQUIRE_FALSE(deduplicator.find(block_id(1)));
  REQUIRE(deduplicator.find(block_id(2)) == ReferenceRun{NumberBase::absolute, 102});
}

TEST_CASE("a copy in a pack that was found damaged is not relied on") {
  IndexFixture fixture;
  const ObjectHash damaged = fixture.load_pack(100, {1, 2});
  fixture.load_pack(102, {2});
  const Deduplicator deduplicator(fixture.stored({}, {damaged}));
  REQUIRE_FALSE(deduplicator.find(block_id(1)));
  REQUIRE(deduplicator.find(block_id(2)) == ReferenceRun{NumberBase::absolute, 102});
}

TEST_CASE("after its entry a run finds its own blocks in the index, and counts from zero") {
  IndexFixture fixture;
  Deduplicator deduplicator(fixture.stored());
  deduplicator.add(PackKind::data, block_id(1));
  deduplicator.add(PackKind::meta, block_id(2));
  deduplicator.release_index();
  fixture.load_pack(50, {1});  // the entry names one of them only
  deduplicator.begin_next_entry(fixture.stored());
  REQUIRE(deduplicator.find(block_id(1)) == ReferenceRun{NumberBase::absolute, 50});
  REQUIRE_FALSE(deduplicator.find(block_id(2)));
  REQUIRE(deduplicator.new_block_count() == 0);
  REQUIRE(deduplicator.add(PackKind::data, block_id(2)).first == 0);
}
