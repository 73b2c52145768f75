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
  REQUIRE(deduplicator.new_counts().data == 2);
  REQUIRE(deduplicator.new_block_count() == 4);
}

TEST_CASE("a block that is stored is referred to by its number") {
  IndexFixture fixture;
  fixture.load_pack(100, {1, 2, 3});
  Deduplicator deduplicator(fixture.stored());
  REQUIRE(deduplicator.find(block_id(2)) == ReferenceRun{NumberBase::absolute, 101});
}

TEST_CASE("a copy that the policy does not trust is not relied on") {
  IndexFixture fixture;
  fixture.load_pack(100, {1, 2});
  fixture.load_pack(102, {2});
  Deduplicator deduplicator(fixture.stored(trust_all_but(100, 2)));
  REQUIRE_FALSE(deduplicator.find(block_id(1)));
  REQUIRE(deduplicator.find(block_id(2)) == ReferenceRun{NumberBase::absolute, 102});
}

TEST_CASE("a copy in a pack that was found damaged is not relied on") {
  IndexFixture fixture;
  const ObjectHash damaged = fixture.load_pack(100, {1, 2});
  fixture.load_pack(102, {2});
  Deduplicator deduplicator(fixture.stored({}, {damaged}));
  REQUIRE_FALSE(deduplicator.find(block_id(1)));
  REQUIRE(deduplicator.find(block_id(2)) == ReferenceRun{NumberBase::absolute, 102});
}

TEST_CASE("of several copies the newest one that may be relied on is taken") {
  IndexFixture fixture;
  fixture.load_pack(100, {1});
  fixture.load_pack(101, {1});
  const ObjectHash damaged = fixture.load_pack(102, {1});
  Deduplicator deduplicator(fixture.stored({}, {damaged}));
  REQUIRE(deduplicator.find(block_id(1)) == ReferenceRun{NumberBase::absolute, 101});
  REQUIRE(deduplicator.stored_again_count() == 0);
}

TEST_CASE("a copy that counts is found behind any number of others that do not") {
  IndexFixture fixture;
  constexpr std::uint32_t junk = 300;
  fixture.load_pack(100, std::vector<std::uint64_t>(junk, 1));
  fixture.load_pack(100 + junk, {1});
  Deduplicator deduplicator(fixture.stored(trust_all_but(100, junk)));
  REQUIRE(deduplicator.find(block_id(1)) == ReferenceRun{NumberBase::absolute, 100 + junk});
}

TEST_CASE("a pack is asked for once, and not before something in it is met") {
  IndexFixture fixture;
  const ObjectHash old = fixture.load_pack(100, {1, 2});
  fixture.load_pack(102, {1, 2});
  std::vector<ObjectHash> asked;
  StoredBlocks stored = fixture.stored();
  stored.may_rely_on = [&](const PackRecord& pack) {
    asked.push_back(pack.hash);
    return pack.hash == old;
  };
  Deduplicator deduplicator(std::move(stored));
  REQUIRE_FALSE(deduplicator.find(block_id(3)));
  REQUIRE(asked.empty());
  REQUIRE(deduplicator.find(block_id(1)) == ReferenceRun{NumberBase::absolute, 100});
  REQUIRE(deduplicator.find(block_id(2)) == ReferenceRun{NumberBase::absolute, 101});
  REQUIRE(asked.size() == 2);
}

TEST_CASE("what lies in packs that are not relied on alone is counted as stored again") {
  IndexFixture fixture;
  const ObjectHash damaged = fixture.load_pack(100, {1, 2});
  Deduplicator deduplicator(fixture.stored({}, {damaged}));
  for (const std::uint64_t block : {1U, 2U, 3U}) {
    REQUIRE_FALSE(deduplicator.find(block_id(block)));
    deduplicator.add(PackKind::data, block_id(block));
  }
  REQUIRE(deduplicator.find(block_id(1)) == ReferenceRun{NumberBase::new_data, 0});
  REQUIRE(deduplicator.stored_again_count() == 2);
}

TEST_CASE("a run that stores again relies on numbers from its own start on only") {
  IndexFixture fixture;
  fixture.load_pack(100, {1, 2});
  fixture.load_pack(102, {2});
  Deduplicator deduplicator(fixture.stored());
  deduplicator.rely_from(102);
  REQUIRE_FALSE(deduplicator.find(block_id(1)));
  REQUIRE(deduplicator.find(block_id(2)) == ReferenceRun{NumberBase::absolute, 102});
  REQUIRE(deduplicator.stored_again_count() == 0);
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
