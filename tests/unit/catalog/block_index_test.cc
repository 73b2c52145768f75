// The block index: the first claim to a pack counts, and what is loaded is found by tag and number.
#include "engine/catalog/block_index.h"

#include "engine/catalog/index_rows.h"
#include "engine/catalog/local_keys.h"
#include "engine/format/pack.h"
#include "tests/support/samples.h"
#include "tests/support/test.h"
#include "tests/support/tree_fixture.h"
#include "tests/unit/catalog/catalog_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

constexpr LocalKey index_secret{4, 5};

IndexedPack pack_of(std::uint8_t mark, const std::vector<std::vector<IndexedBlock>>& frames) {
  IndexedPack out;
  out.hash = sample_id<ObjectHash>(mark);
  out.size = 65536;
  for (const std::vector<IndexedBlock>& blocks : frames) {
    IndexedFrame frame;
    frame.place = {.offset = pack_header_size, .contents_size = 100, .list_size = 90};
    frame.blocks = blocks;
    out.frames.push_back(frame);
  }
  return out;
}

IndexedBlock block_of(std::uint8_t mark, std::uint32_t size = 10) {
  return {.tag = sample_id<BlockTag>(mark), .size = size};
}

// A segment of packs that one key segment opens; 0: that none opens.
SegmentToLoad segment_of(std::uint64_t first_number,
                         const std::vector<IndexedPack>& packs,
                         std::uint8_t key_segment = 100) {
  SegmentToLoad out;
  out.segment.packs = packs;
  out.first_number = first_number;
  out.key_segment_of = [key_segment](const IndexedPack&) -> std::optional<ObjectHash> {
    if (key_segment == 0) return std::nullopt;
    return sample_id<ObjectHash>(key_segment);
  };
  return out;
}

struct Index {
  TemporaryDirectory directory;
  BlockIndex index{directory / "index", index_secret};
};

std::vector<std::uint64_t> numbers_of(const BlockIndex::Reader& reader, std::uint8_t mark) {
  std::vector<std::uint64_t> out;
  reader.for_each_copy(sample_id<BlockTag>(mark), [&](const BlockLocation& copy) {
    out.push_back(copy.number);
    return true;
  });
  return out;
}

}  // namespace

TEST_CASE("a block index that another version has made is loaded anew") {
  const TemporaryDirectory directory;
  const std::string path = directory / "index";
  BlockIndex(path, index_secret).load({});
  REQUIRE(BlockIndex(path, index_secret).loaded_sequence() == 1);
  {
    Environment environment(
        path, {.map_bytes = 1U << 30U,
               .table_count = index_rows::table_count,
               .checksum_key = derive_short_local_key(index_secret, LocalKeyUse::index_checksums),
               .value_key = derive_local_key(index_secret, LocalKeyUse::index_values)});
    Transaction write(environment, Transaction::Mode::write);
    write.put(index_rows::meta_table, as_view(index_rows::version_key), Bytes(8));
    write.commit();
  }
  REQUIRE(error_code([&] { BlockIndex(path, index_secret); }) == Code::corrupt);
}

TEST_CASE("a block is found in its pack, its frame and its place there, under its number") {
  Index fixture;
  const IndexedPack pack =
      pack_of(30, {{block_of(1, 10), block_of(2, 20)}, {block_of(3, 30), block_of(4, 40)}});
  REQUIRE(fixture.index.load({.sequence = 0, .segments = {segment_of(500, {pack})}}) == 0);
  const BlockIndex::Reader reader(fixture.index);
  REQUIRE(reader.find(sample_id<BlockTag>(4)) ==
          BlockLocation{.number = 503, .pack = 0, .frame = 1, .offset = 30, .size = 40});
  REQUIRE_FALSE(reader.find(sample_id<BlockTag>(5)));
  REQUIRE(reader.find_pack(sample_id<ObjectHash>(30)) == 0);
  REQUIRE_FALSE(reader.find_pack(sample_id<ObjectHash>(31)));
  const PackRecord record = reader.pack(0);
  REQUIRE(record.hash == sample_id<ObjectHash>(30));
  REQUIRE(record.key_segment == sample_id<ObjectHash>(100));
  REQUIRE(record.size == 65536);
  REQUIRE(record.frame_count == 2);
  const FrameRecord frame = reader.frame(0, 1);
  REQUIRE(frame.first_number == 502);
  REQUIRE(frame.plain_size == 70);
  REQUIRE(frame.place == pack.frames[1].place);
  REQUIRE(reader.pack_count() == 1);
  REQUIRE(reader.block_count() == 4);
}

TEST_CASE("the copies of a block come by ascending number, from the one that is asked for on") {
  Index fixture;
  fixture.index.load({.sequence = 0, .segments = {segment_of(70, {pack_of(30, {{block_of(1)}})})}});
  fixture.index.load(
      {.sequence = 1, .segments = {segment_of(5, {pack_of(40, {{block_of(1), block_of(2)}})})}});
  fixture.index.load({.sequence = 2, .segments = {segment_of(60, {pack_of(50, {{block_of(1)}})})}});
  const BlockIndex::Reader reader(fixture.index);
  REQUIRE(numbers_of(reader, 1) == std::vector<std::uint64_t>{5, 60, 70});
  REQUIRE(reader.find(sample_id<BlockTag>(1))->number == 5);
  REQUIRE(reader.find(sample_id<BlockTag>(1), 6)->number == 60);
  REQUIRE(reader.find(sample_id<BlockTag>(1), 70)->number == 70);
  REQUIRE_FALSE(reader.find(sample_id<BlockTag>(1), 71));
}

TEST_CASE("the blocks of a rewritten segment have the numbers that it lists: none, one or more") {
  Index fixture;
  SegmentToLoad segment = segment_of(0, {pack_of(30, {{block_of(1), {.size = 20}, block_of(2)}})});
  segment.segment.has_numbers = true;
  segment.segment.packs.front().frames.front().numbers = {{900}, {}, {3, 700}};
  fixture.index.load({.sequence = 0, .segments = {segment}});
  const BlockIndex::Reader reader(fixture.index);
  REQUIRE(numbers_of(reader, 1) == std::vector<std::uint64_t>{900});
  REQUIRE(numbers_of(reader, 2) == std::vector<std::uint64_t>{3, 700});
  REQUIRE(reader.find(sample_id<BlockTag>(2))->offset == 30);  // behind one that nothing needs
  REQUIRE(reader.block_count() == 3);
  REQUIRE(reader.frame(0, 0).is_rewritten);
  REQUIRE(reader.frame(0, 0).plain_size == 40);
}

TEST_CASE("the index knows what an entry's segments list, and whether all of it counts") {
  Index fixture;
  const auto pack = [](std::uint8_t mark) {
    return pack_of(mark, {{block_of(mark), block_of(mark)}});
  };
  fixture.index.load({.sequence = 3,
                      .segments = {segment_of(10, {pack(30)}), segment_of(12, {pack(31)}),
                                   segment_of(64, {pack(32)})}});
  fixture.index.load({.sequence = 5, .segments = {segment_of(128, {pack(30), pack(33)})}});
  fixture.index.load({.sequence = 6, .segments = {segment_of(192, {pack(34)})}, .is_all = false});
  fixture.index.load({.sequence = 7, .segments = {}});
  const BlockIndex::Reader reader(fixture.index);
  REQUIRE(reader.entry(3)->is_whole);
  REQUIRE(reader.entry(3)->runs == std::vector<NumberRun>{{10, 2}, {12, 2}, {64, 2}});
  REQUIRE_FALSE(reader.entry(5)->is_whole);  // it claims another's pack
  REQUIRE(reader.entry(5)->runs == std::vector<NumberRun>{{128, 4}});
  REQUIRE_FALSE(reader.entry(6)->is_whole);
  for (const std::uint64_t none : {0U, 4U, 7U, 8U}) {
    REQUIRE_FALSE(reader.entry(none));
  }
}

TEST_CASE("the first claim to a pack counts; a later one burns its numbers and is noted") {
  Index fixture;
  REQUIRE(fixture.index.load(
              {.sequence = 3, .segments = {segment_of(10, {pack_of(30, {{block_of(1)}})})}}) == 0);
  const std::vector<IndexedPack> packs = {pack_of(30, {{block_of(7), block_of(8)}}),
                                          pack_of(40, {{block_of(9)}})};
  REQUIRE(fixture.index.load({.sequence = 4, .segments = {segment_of(20, packs)}}) == 1);
  const BlockIndex::Reader reader(fixture.index);
  REQUIRE_FALSE(reader.find(sample_id<BlockTag>(7)));
  REQUIRE(numbers_of(reader, 9) == std::vector<std::uint64_t>{22});
}

TEST_CASE("a claim to a pack without a key does not count, and leaves the pack to a later one") {
  Index fixture;
  REQUIRE(fixture.index.load(
              {.sequence = 3, .segments = {segment_of(10, {pack_of(30, {{block_of(1)}})}, 0)}}) ==
          1);
  REQUIRE(fixture.index.load(
              {.sequence = 4, .segments = {segment_of(20, {pack_of(30, {{block_of(1)}})})}}) == 0);
  REQUIRE(numbers_of(BlockIndex::Reader(fixture.index), 1) == std::vector<std::uint64_t>{20});
}

TEST_CASE("an entry that was loaded already is not loaded again") {
  Index fixture;
  fixture.index.load({.sequence = 3, .segments = {segment_of(10, {pack_of(30, {{block_of(1)}})})}});
  REQUIRE(fixture.index.loaded_sequence() == 4);
  REQUIRE(fixture.index.load(
              {.sequence = 3, .segments = {segment_of(10, {pack_of(40, {{block_of(2)}})})}}) == 0);
  REQUIRE(fixture.index.load(
              {.sequence = 2, .segments = {segment_of(90, {pack_of(50, {{block_of(2)}})})}}) == 0);
  REQUIRE(BlockIndex::Reader(fixture.index).pack_count() == 1);
  REQUIRE(fixture.index.loaded_sequence() == 4);
}

TEST_CASE(
    "entries that are loaded together count one after another, and those loaded before do not") {
  Index fixture;
  fixture.index.load({.sequence = 3, .segments = {segment_of(10, {pack_of(30, {{block_of(1)}})})}});
  const std::vector<IndexedPack> claimed = {pack_of(40, {{block_of(8)}}),
                                            pack_of(50, {{block_of(9)}})};
  const std::vector<std::uint64_t> refused = fixture.index.load_all(
      {{.sequence = 3, .segments = {segment_of(10, {pack_of(60, {{block_of(7)}})})}},
       {.sequence = 5, .segments = {segment_of(20, {pack_of(40, {{block_of(2)}})})}},
       {.sequence = 6, .segments = {segment_of(30, claimed)}},
       {.sequence = 9, .segments = {segment_of(40, {pack_of(70, {{block_of(9)}})})}}});
  REQUIRE(refused == std::vector<std::uint64_t>{0, 0, 1, 0});
  REQUIRE(fixture.index.loaded_sequence() == 10);
  const BlockIndex::Reader reader(fixture.index);
  REQUIRE(reader.pack_count() == 4);
  REQUIRE(reader.pack(*reader.find_pack(sample_id<ObjectHash>(40))).sequence == 5);
  REQUIRE(reader.pack(*reader.find_pack(sample_id<ObjectHash>(70))).sequence == 9);
  REQUIRE(numbers_of(reader, 9) == std::vector<std::uint64_t>{31, 40});
  REQUIRE_FALSE(reader.find(sample_id<BlockTag>(7)));
  REQUIRE(reader.entry(5)->is_whole);
  REQUIRE(reader.entry(5)->runs == std::vector<NumberRun>{{20, 1}});
  REQUIRE_FALSE(reader.entry(6)->is_whole);
  REQUIRE(reader.entry(9)->is_whole);
}

TEST_CASE("of entries that are loaded together all are, or none") {
  Index fixture;
  SegmentToLoad failing = segment_of(20, {pack_of(40, {{block_of(2)}})});
  failing.key_segment_of = [](const IndexedPack&) -> std::optional<ObjectHash> {
    throw Error(Code::failed, "no answer");
  };
  const EntryToLoad whole{.sequence = 3,
                          .segments = {segment_of(10, {pack_of(30, {{block_of(1)}})})}};
  const auto load = [&] {
    fixture.index.load_all({whole, {.sequence = 4, .segments = {failing}}});
  };
  REQUIRE(error_code(load) == Code::failed);
  REQUIRE(fixture.index.loaded_sequence() == 0);
  REQUIRE(BlockIndex::Reader(fixture.index).pack_count() == 0);
}

TEST_CASE("entries that could not be loaded are noted, each once, and outlast a new opening") {
  Index fixture;
  fixture.index.note_unloaded({12, sample_id<ObjectHash>(1)});
  fixture.index.note_unloaded({7, sample_id<ObjectHash>(2)});
  fixture.index.note_unloaded({12, sample_id<ObjectHash>(1)});
  fixture.index.note_unloaded({12, sample_id<ObjectHash>(3)});
  BlockIndex again(fixture.directory / "index", index_secret);
  REQUIRE(again.unloaded_entries() == std::set<std::uint64_t>{7, 12});
  REQUIRE(again.loaded_sequence() == 0);
}

TEST_CASE("a reader sees the index as it was, until it is renewed") {
  Index fixture;
  BlockIndex::Reader reader(fixture.index);
  fixture.index.load({.sequence = 0, .segments = {segment_of(0, {pack_of(30, {{block_of(1)}})})}});
  REQUIRE_FALSE(reader.find(sample_id<BlockTag>(1)));
  reader.renew();
  REQUIRE(reader.find(sample_id<BlockTag>(1)));
}

TEST_CASE("a pack or frame that the index lacks is damage, and it is rebuilt when next opened") {
  Index fixture;
  const auto read = [&] { static_cast<void>(BlockIndex::Reader(fixture.index).frame(0, 0)); };
  REQUIRE(error_code(read) == Code::corrupt);
  REQUIRE(error_code([&] { BlockIndex(fixture.directory / "index", index_secret); }) ==
          Code::corrupt);
}

TEST_CASE("an index of another secret is refused, so that nobody takes it for an empty one") {
  Index fixture;
  fixture.index.load({.sequence = 0, .segments = {segment_of(0, {pack_of(30, {{block_of(1)}})})}});
  LocalKey other = index_secret;
  other[0] ^= 1U;
  REQUIRE(error_code([&] { BlockIndex(fixture.directory / "index", other); }) == Code::corrupt);
}

TEST_CASE("the file of an index shows no tag, no name of a pack, no place and no size") {
  Index fixture;
  IndexedPack pack = pack_of(30, {{block_of(1, 70'001), block_of(2, 70'002)}});
  pack.frames[0].place = {.offset = 48, .contents_size = 90'003, .list_size = 90'004};
  fixture.index.load({.sequence = 0, .segments = {segment_of(0, {pack})}});
  const Bytes file = slurp(fixture.directory / "index/data.mdb");
  REQUIRE_FALSE(holds(file, sample_id<BlockTag>(1).bytes));
  REQUIRE_FALSE(holds(file, sample_id<ObjectHash>(30).bytes));
  REQUIRE_FALSE(holds(file, sample_id<ObjectHash>(100).bytes));  // of the key segment
  for (const std::uint32_t size : {70'001U, 70'002U, 90'003U, 90'004U, 140'003U}) {
    INFO(size);
    ByteWriter encoded;
    encoded.u32(size);
    REQUIRE_FALSE(holds(file, encoded.view()));
  }
}

namespace {

// A rewritten segment; its packs are of that entry.
SegmentToLoad rewritten(std::uint8_t name,
                        std::vector<IndexedPack> packs,
                        const std::vector<BlockNumbers>& numbers,
                        std::uint64_t born = 3) {
  for (std::size_t i = 0; i < packs.size(); ++i) {
    packs[i].born = born;
    if (!packs[i].frames.empty()) packs[i].frames.front().numbers = numbers.at(i);
  }
  SegmentToLoad out = segment_of(0, packs);
  out.hash = sample_id<ObjectHash>(name);
  out.segment.has_numbers = true;
  return out;
}

SegmentToLoad named(std::uint8_t name, SegmentToLoad segment) {
  segment.hash = sample_id<ObjectHash>(name);
  return segment;
}

std::set<ObjectHash> names(const std::vector<std::uint8_t>& first) {
  std::set<ObjectHash> out;
  for (const std::uint8_t each : first) {
    out.insert(sample_id<ObjectHash>(each));
  }
  return out;
}

}  // namespace

TEST_CASE("numbers that a rewritten segment moves are found at their new place, and only there") {
  Index fixture;
  fixture.index.load_all(
      {{.sequence = 3,
        .segments = {named(1, segment_of(10, {pack_of(30, {{block_of(1), block_of(2)}})}))}},
       {.sequence = 5,
        .segments = {named(2, segment_of(20, {pack_of(40, {{block_of(2), block_of(1)}})}))}}});
  IndexedPack gone = pack_of(30, {});
  fixture.index.load({.sequence = 8,
                      .segments = {rewritten(3, {gone, pack_of(40, {{block_of(2), block_of(1)}})},
                                             {{}, {{11, 20}, {10, 21}}})},
                      .retired = names({1, 2})});
  const BlockIndex::Reader reader(fixture.index);
  REQUIRE(reader.pack_count() == 1);
  REQUIRE(reader.packs().size() == 1);
  const std::uint32_t pack = reader.packs().front();
  REQUIRE(reader.find_pack(sample_id<ObjectHash>(40)) == pack);
  REQUIRE_FALSE(reader.find_pack(sample_id<ObjectHash>(30)));
  REQUIRE(reader.is_gone(sample_id<ObjectHash>(30)));
  REQUIRE_FALSE(reader.is_gone(sample_id<ObjectHash>(40)));
  REQUIRE_FALSE(reader.is_gone(sample_id<ObjectHash>(50)));
  REQUIRE(numbers_of(reader, 1) == std::vector<std::uint64_t>{10, 21});
  REQUIRE(numbers_of(reader, 2) == std::vector<std::uint64_t>{11, 20});
  reader.for_each_copy(sample_id<BlockTag>(1), [&](const BlockLocation& copy) {
    REQUIRE(copy.pack == pack);
    return true;
  });
  REQUIRE(reader.frame(pack, 0).is_rewritten);
  const std::vector<BlockRun> runs = reader.block_runs(pack, 0);
  REQUIRE(runs == std::vector<BlockRun>{{0, 11, 1}, {0, 20, 2}, {1, 10, 1}});
  REQUIRE(reader.entry(3)->runs.empty());
  REQUIRE(reader.entry(8)->runs == std::vector<NumberRun>{{10, 2}, {20, 2}});
  // A pack that is no more is nobody's to claim.
  REQUIRE(fixture.index.load(
              {.sequence = 9, .segments = {segment_of(90, {pack_of(30, {{block_of(1)}})})}}) == 1);
}

TEST_CASE("a rewritten segment says whose a pack is, whoever has claimed it meanwhile") {
  Index fixture;
  // The segment of entry 3 could not be read, and entry 5 claims its pack.
  fixture.index.note_unloaded({3, sample_id<ObjectHash>(1)});
  fixture.index.note_unloaded({4, sample_id<ObjectHash>(7)});
  fixture.index.load(
      {.sequence = 5, .segments = {named(2, segment_of(50, {pack_of(30, {{block_of(1)}})}))}});
  fixture.index.load({.sequence = 8,
                      .segments = {rewritten(3, {pack_of(30, {{block_of(1)}})}, {{{10}}})},
                      .retired = names({1})});
  const BlockIndex::Reader reader(fixture.index);
  REQUIRE(numbers_of(reader, 1) == std::vector<std::uint64_t>{10});
  REQUIRE(reader.pack(*reader.find_pack(sample_id<ObjectHash>(30))).sequence == 3);
  REQUIRE(fixture.index.unloaded_entries() == std::set<std::uint64_t>{4});
}

TEST_CASE("what a segment listed that was given up is nowhere") {
  Index fixture;
  fixture.index.load({.sequence = 3,
                      .segments = {named(1, segment_of(10, {pack_of(30, {{block_of(1)}})})),
                                   named(2, segment_of(20, {pack_of(40, {{block_of(1)}})}))}});
  fixture.index.load({.sequence = 8, .retired = names({1})});
  REQUIRE(fixture.index.loaded_sequence() == 9);
  const BlockIndex::Reader reader(fixture.index);
  REQUIRE(numbers_of(reader, 1) == std::vector<std::uint64_t>{20});
  REQUIRE(reader.entry(3)->runs == std::vector<NumberRun>{{20, 1}});
  REQUIRE(reader.packs().size() == 1);
}

TEST_CASE("a pack of a rewritten segment that has no key does not count") {
  Index fixture;
  SegmentToLoad segment = rewritten(3, {pack_of(30, {{block_of(1)}})}, {{{10}}});
  segment.key_segment_of = [](const IndexedPack&) { return std::nullopt; };
  fixture.index.load({.sequence = 8, .segments = {segment}});
  const BlockIndex::Reader reader(fixture.index);
  REQUIRE_FALSE(reader.find(sample_id<BlockTag>(1)));
  REQUIRE(reader.packs().empty());
}

TEST_CASE("numbers of sets are kept in pieces, each under its snapshot and set") {
  Index index;
  const auto set_of = [](std::uint8_t snapshot, std::uint8_t set) {
    return SnapshotSet{sample_id<SnapshotId>(snapshot), sample_id<ObjectHash>(set)};
  };
  const Bytes large(5'000, 7);
  index.index.put_sets({{set_of(1, 2), large}, {set_of(2, 2), {}}, {set_of(3, 2), {9}}});
  const BlockIndex::Reader reader(index.index);
  REQUIRE(reader.set(set_of(1, 2)) == large);
  REQUIRE(reader.set(set_of(2, 2)) == Bytes());
  REQUIRE(reader.set(set_of(3, 2)) == Bytes{9});
  REQUIRE_FALSE(reader.set(set_of(1, 3)));
  REQUIRE_FALSE(reader.set(set_of(4, 2)));
}
