// Blocks in, packs out.
#include "engine/blocks/pack_builder.h"

#include "tests/unit/blocks/block_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

constexpr std::uint64_t frame_target = 10'000;

// A builder, and the packs that it has made.
struct Building {
  explicit Building(unsigned threads = 2) : pool(threads) {}

  Bytes add(PackKind kind, Bytes block) {
    builder.add(kind, block_id(next_block++), block);
    return block;
  }

  std::vector<StoredPack> finish(PackKind kind) {
    builder.close_all();
    return builder.take_closed(kind);
  }

  // The plaintext of all frames of the packs.
  [[nodiscard]] std::vector<Bytes> read(const std::vector<StoredPack>& packs) const {
    std::vector<Bytes> out;
    for (const StoredPack& pack : packs) {
      for (Bytes& frame : frames_of(store, test_repository(), pack.indexed.hash, pack.key)) {
        out.push_back(std::move(frame));
      }
    }
    return out;
  }

  MemoryStore store;
  Pool pool;
  SeededRandom random{1};
  SeededRandom content{2};
  std::vector<PackKind> closed;
  PackBuilder builder{
      store,
      pool,
      random,
      {.repository = test_repository(), .frame_target = frame_target, .compression = {.level = 3}},
      [this](PackKind kind) { closed.push_back(kind); }};
  std::uint64_t next_block = 0;
};

}  // namespace

TEST_CASE("every block is in a frame of its kind, in the order the blocks came") {
  Building building;
  Bytes data;
  Bytes meta;
  for (int i = 0; i < 100; ++i) {
    const PackKind kind = i % 5 == 0 ? PackKind::meta : PackKind::data;
    const Bytes block =
        building.add(kind, i % 2 == 0 ? random_bytes(building.content, 3'000) : Bytes(3'000, 'x'));
    Bytes& all = kind == PackKind::meta ? meta : data;
    all.insert(all.end(), block.begin(), block.end());
  }
  const auto joined = [](const std::vector<Bytes>& frames) {
    Bytes out;
    for (const Bytes& frame : frames) {
      out.insert(out.end(), frame.begin(), frame.end());
    }
    return out;
  };
  REQUIRE((joined(building.read(building.finish(PackKind::data))) == data));
  REQUIRE((joined(building.read(building.finish(PackKind::meta))) == meta));
}

TEST_CASE("blocks share a frame up to its target, and a larger block has one of its own") {
  Building building;
  const Bytes first = building.add(PackKind::data, random_bytes(building.content, 6'000));
  const Bytes second = building.add(PackKind::data, random_bytes(building.content, 4'000));
  const Bytes large = building.add(PackKind::data, random_bytes(building.content, 25'000));
  const Bytes last = building.add(PackKind::data, random_bytes(building.content, 1));
  Bytes shared = first;
  shared.insert(shared.end(), second.begin(), second.end());
  const auto packs = building.finish(PackKind::data);
  REQUIRE((building.read(packs) == std::vector<Bytes>{shared, large, last}));
}

TEST_CASE("the packs that a builder makes do not depend on the number of threads") {
  const auto packs_of = [](unsigned threads) {
    Building building(threads);
    for (int i = 0; i < 300; ++i) {
      building.add(i % 7 == 0 ? PackKind::meta : PackKind::data,
                   random_bytes(building.content, 1 + building.content.next() % 8'000));
    }
    building.finish(PackKind::data);
    building.finish(PackKind::meta);
    return building.store.objects();
  };
  const auto expected = packs_of(1);
  REQUIRE(expected.size() == 2);
  REQUIRE((packs_of(4) == expected));
}

TEST_CASE("a pack that is full is closed, told of, and can be taken once") {
  Building building;
  for (int i = 0; i < 9; ++i) {
    building.add(PackKind::data, random_bytes(building.content, 4U << 20U));
  }
  building.builder.close_all();
  REQUIRE(building.closed == std::vector<PackKind>{PackKind::data, PackKind::data});
  REQUIRE(building.builder.closed_block_count(PackKind::data) == 9);
  REQUIRE(building.builder.closed_block_count(PackKind::meta) == 0);
  const auto packs = building.builder.take_closed(PackKind::data);
  REQUIRE(packs.size() == 2);
  REQUIRE(packs[0].indexed.frames.size() == 7);
  REQUIRE(packs[1].indexed.frames.size() == 2);
  REQUIRE(building.builder.stored_bytes() == packs[0].indexed.size + packs[1].indexed.size);
  REQUIRE(building.builder.closed_block_count(PackKind::data) == 0);
  REQUIRE(building.builder.take_closed(PackKind::data).empty());
}

TEST_CASE("a builder that is given up leaves no pack") {
  MemoryStore store;
  Pool pool(2);
  SeededRandom random(1);
  {
    PackBuilder builder(store, pool, random, {.repository = {}, .frame_target = 10}, {});
    for (std::uint64_t i = 0; i < 50; ++i) {
      builder.add(PackKind::data, block_id(i), Bytes(1'000, 1));
    }
  }
  REQUIRE(store.objects().empty());
}
