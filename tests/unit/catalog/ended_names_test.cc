// Objects that an entry has removed, in the block index: nobody introduces them again, and an index
// that had loaded them before answers like one that has not.
#include "engine/catalog/block_index.h"
#include "engine/format/pack.h"
#include "tests/support/samples.h"
#include "tests/support/test.h"
#include "tests/support/tree_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

constexpr LocalKey ended_secret{6, 7};

ObjectHash ended_hash(std::uint8_t number) {
  return sample_id<ObjectHash>(number);
}

// Of one frame, with blocks of these tags.
IndexedPack ended_pack(std::uint8_t number, const std::vector<std::uint8_t>& tags) {
  IndexedFrame frame;
  frame.place = {.offset = pack_header_size, .contents_size = 100, .list_size = 90};
  for (const std::uint8_t tag : tags) {
    frame.blocks.push_back({.tag = sample_id<BlockTag>(tag), .size = 10});
  }
  IndexedPack out;
  out.hash = ended_hash(number);
  out.size = 65'536;
  out.frames = {frame};
  return out;
}

// The same in a rewritten segment, whose blocks have numbers of their own.
IndexedPack ended_pack_of(std::uint8_t number,
                          std::uint64_t born,
                          const std::vector<std::uint8_t>& tags,
                          const BlockNumbers& numbers) {
  IndexedPack out = ended_pack(number, tags);
  out.born = born;
  out.frames.front().numbers = numbers;
  return out;
}

SegmentToLoad ended_segment(std::uint8_t number,
                            std::uint64_t first_number,
                            const std::vector<IndexedPack>& packs) {
  SegmentToLoad out{.hash = ended_hash(number), .first_number = first_number};
  out.segment.packs = packs;
  out.key_segment_of = [](const IndexedPack& /*pack*/) { return std::optional(ended_hash(100)); };
  return out;
}

SegmentToLoad ended_rewritten(std::uint8_t number, const std::vector<IndexedPack>& packs) {
  SegmentToLoad out = ended_segment(number, 0, packs);
  out.segment.has_numbers = true;
  return out;
}

struct EndedIndex {
  TemporaryDirectory directory;
  BlockIndex index{directory / "index", ended_secret};
};

std::vector<std::uint64_t> ended_copies_of(const BlockIndex::Reader& reader, std::uint8_t tag) {
  std::vector<std::uint64_t> out;
  reader.for_each_copy(sample_id<BlockTag>(tag), [&](const BlockLocation& copy) {
    out.push_back(copy.number);
    return true;
  });
  return out;
}

// The packs that count, with the entries that they belong to.
std::map<ObjectHash, std::uint64_t> ended_owners_in(const BlockIndex::Reader& reader) {
  std::map<ObjectHash, std::uint64_t> out;
  for (const std::uint32_t pack : reader.packs()) {
    const PackRecord record = reader.pack(pack);
    REQUIRE(reader.find_pack(record.hash) == pack);
    REQUIRE_FALSE(reader.is_gone(record.hash));
    out.emplace(record.hash, record.sequence);
  }
  REQUIRE(reader.pack_count() == out.size());
  return out;
}

void require_ended(BlockIndex& index, std::uint8_t number) {
  const BlockIndex::Reader reader(index);
  REQUIRE(index.has_ended(ended_hash(number)));
  REQUIRE(reader.is_gone(ended_hash(number)));
  REQUIRE_FALSE(reader.find_pack(ended_hash(number)));
  REQUIRE_FALSE(ended_owners_in(reader).contains(ended_hash(number)));
}

using EndedOwners = std::map<ObjectHash, std::uint64_t>;
using EndedNumbers = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("the index knows what an entry has removed, and outlasts a new opening with it") {
  EndedIndex fixture;
  fixture.index.load({.sequence = 3, .segments = {ended_segment(1, 10, {ended_pack(40, {1})})}});
  REQUIRE_FALSE(fixture.index.has_ended(ended_hash(30)));
  fixture.index.load({.sequence = 8, .ended = {ended_hash(2), ended_hash(30)}});
  BlockIndex again(fixture.directory / "index", ended_secret);
  for (const std::uint8_t number : std::initializer_list<std::uint8_t>{2, 30}) {
    require_ended(fixture.index, number);
    require_ended(again, number);
  }
  for (const std::uint8_t number : std::initializer_list<std::uint8_t>{1, 31, 40}) {
    REQUIRE_FALSE(again.has_ended(ended_hash(number)));
    REQUIRE_FALSE(BlockIndex::Reader(again).is_gone(ended_hash(number)));
  }
  REQUIRE(ended_owners_in(BlockIndex::Reader(again)) == EndedOwners{{ended_hash(40), 3}});
}

TEST_CASE("a pack that was removed is not introduced again, and burns the numbers of its claim") {
  EndedIndex fixture;
  fixture.index.load({.sequence = 8, .ended = {ended_hash(30)}});
  const std::vector<IndexedPack> packs = {ended_pack(40, {3}), ended_pack(30, {1, 2}),
                                          ended_pack(50, {1, 4})};
  REQUIRE(fixture.index.load({.sequence = 9, .segments = {ended_segment(1, 90, packs)}}) == 1);
  require_ended(fixture.index, 30);
  const BlockIndex::Reader reader(fixture.index);
  REQUIRE(ended_owners_in(reader) == EndedOwners{{ended_hash(40), 9}, {ended_hash(50), 9}});
  REQUIRE(ended_copies_of(reader, 3) == EndedNumbers{90});
  REQUIRE(ended_copies_of(reader, 1) == EndedNumbers{93});
  REQUIRE(ended_copies_of(reader, 2).empty());
  REQUIRE(ended_copies_of(reader, 4) == EndedNumbers{94});
  REQUIRE(reader.block_count() == 3);
  REQUIRE_FALSE(reader.entry(9)->is_whole);
  REQUIRE(reader.entry(9)->runs == std::vector<NumberRun>{{90, 5}});
}

TEST_CASE(
    "a rewritten segment does not bring back a pack that was removed, with or without frames") {
  EndedIndex fixture;
  fixture.index.load({.sequence = 3, .segments = {ended_segment(1, 10, {ended_pack(30, {1, 2})})}});
  fixture.index.load({.sequence = 8, .retired = {ended_hash(1)}, .ended = {ended_hash(30)}});
  IndexedPack empty = ended_pack(30, {});
  empty.frames.clear();
  const SegmentToLoad segment =
      ended_rewritten(2, {ended_pack_of(30, 3, {1, 2}, {{10}, {11, 12}}), empty,
                          ended_pack_of(40, 3, {1, 3}, {{7}, {13}})});
  REQUIRE(fixture.index.load({.sequence = 9, .segments = {segment}}) == 1);
  require_ended(fixture.index, 30);
  const BlockIndex::Reader reader(fixture.index);
  REQUIRE(ended_owners_in(reader) == EndedOwners{{ended_hash(40), 3}});
  REQUIRE(ended_copies_of(reader, 1) == EndedNumbers{7});
  REQUIRE(ended_copies_of(reader, 2).empty());
  REQUIRE(ended_copies_of(reader, 3) == EndedNumbers{13});
  REQUIRE(reader.entry(9)->runs == std::vector<NumberRun>{{7, 1}, {13, 1}});
}

TEST_CASE("an index that has loaded what ends later answers like one that loads what is current") {
  const EntryToLoad first{.sequence = 3,
                          .segments = {ended_segment(1, 10, {ended_pack(30, {1, 2})}),
                                       ended_segment(2, 20, {ended_pack(40, {1})})}};
  const EntryToLoad moved{
      .sequence = 6,
      .segments = {ended_rewritten(3, {ended_pack_of(30, 3, {1, 2}, {{10}, {11}})})},
      .retired = {ended_hash(1)}};
  const EntryToLoad end{
      .sequence = 8, .retired = {ended_hash(3)}, .ended = {ended_hash(30), ended_hash(60)}};
  const EntryToLoad claims{
      .sequence = 9,
      .segments = {ended_segment(
          4, 90, {ended_pack(60, {1}), ended_pack(30, {1, 2, 3}), ended_pack(50, {2})})}};
  // What was current no more when a cold one was loaded is not there.
  EntryToLoad cold_first = first;
  cold_first.segments.erase(cold_first.segments.begin());
  cold_first.is_all = false;
  EntryToLoad cold_moved = moved;
  cold_moved.segments.clear();
  EndedIndex warm;
  EndedIndex cold;
  EndedIndex behind;  // has loaded the first entry, and then the others at once
  for (const EntryToLoad& entry : {first, moved, end}) {
    REQUIRE(warm.index.load(entry) == 0);
  }
  REQUIRE(warm.index.load(claims) == 2);
  REQUIRE(cold.index.load_all({cold_first, cold_moved, end, claims}) == EndedNumbers{0, 0, 0, 2});
  behind.index.load(first);
  REQUIRE(behind.index.load_all({cold_moved, end, claims}) == EndedNumbers{0, 0, 2});
  for (EndedIndex* each : {&warm, &cold, &behind}) {
    require_ended(each->index, 30);
    require_ended(each->index, 60);
    const BlockIndex::Reader reader(each->index);
    REQUIRE(ended_owners_in(reader) == EndedOwners{{ended_hash(40), 3}, {ended_hash(50), 9}});
    REQUIRE(ended_copies_of(reader, 1) == EndedNumbers{20});
    REQUIRE(ended_copies_of(reader, 2) == EndedNumbers{94});
    REQUIRE(ended_copies_of(reader, 3).empty());
    REQUIRE(reader.block_count() == 2);
    REQUIRE(reader.entry(3)->runs == std::vector<NumberRun>{{20, 1}});
    REQUIRE_FALSE(reader.entry(9)->is_whole);
    REQUIRE(reader.entry(9)->runs == std::vector<NumberRun>{{90, 5}});
  }
}

TEST_CASE("a pack of a rewritten segment that is born in no entry belongs to the segment's own") {
  EndedIndex fixture;
  fixture.index.load({.sequence = 3, .segments = {ended_segment(1, 10, {ended_pack(30, {1})})}});
  const SegmentToLoad segment =
      ended_rewritten(2, {ended_pack_of(30, 3, {1}, {{}}), ended_pack_of(40, 0, {1}, {{10}})});
  fixture.index.load({.sequence = 8, .segments = {segment}, .retired = {ended_hash(1)}});
  const BlockIndex::Reader reader(fixture.index);
  REQUIRE(ended_owners_in(reader) == EndedOwners{{ended_hash(30), 3}, {ended_hash(40), 8}});
  REQUIRE(ended_copies_of(reader, 1) == EndedNumbers{10});
  REQUIRE(reader.pack(reader.find(sample_id<BlockTag>(1))->pack).hash == ended_hash(40));
}

TEST_CASE(
    "a claim of a pack that has ended since counts for nobody, on a machine that loads late too") {
  const EntryToLoad first{.sequence = 3, .segments = {ended_segment(1, 10, {ended_pack(30, {1})})}};
  const EntryToLoad claim{.sequence = 5, .segments = {ended_segment(2, 50, {ended_pack(30, {1})})}};
  const EntryToLoad end{.sequence = 8, .retired = {ended_hash(1)}, .ended = {ended_hash(30)}};
  EntryToLoad cold_first = first;
  cold_first.segments.clear();
  EndedIndex warm;
  EndedIndex cold;
  warm.index.load(first);
  warm.index.load(claim);
  warm.index.load(end);
  cold.index.load_all({cold_first, claim, end});
  const BlockIndex::Reader w(warm.index);
  const BlockIndex::Reader c(cold.index);
  CHECK(ended_copies_of(w, 1).empty());
  CHECK(ended_copies_of(c, 1).empty());
  CHECK(w.packs().empty());
  CHECK(c.packs().empty());
  CHECK_FALSE(c.find_pack(ended_hash(30)));
}

TEST_CASE("a pack that an entry has removed is no more, though a current segment lists it") {
  EndedIndex index;
  index.index.load({.sequence = 3, .segments = {ended_segment(1, 10, {ended_pack(30, {1})})}});
  index.index.load({.sequence = 8, .ended = {ended_hash(30)}});
  const BlockIndex::Reader r(index.index);
  CHECK_FALSE(r.find_pack(ended_hash(30)));
  CHECK(ended_copies_of(r, 1).empty());
  CHECK(r.packs().empty());
}

TEST_CASE("a number that is listed twice keeps no index from being loaded") {
  EndedIndex index;
  const SegmentToLoad segment =
      ended_rewritten(2, {ended_pack_of(40, 3, {1}, {{10}}), ended_pack_of(41, 3, {1}, {{10}})});
  CHECK_NOTHROW(index.index.load({.sequence = 8, .segments = {segment}}));
}

namespace {

// As many packs as it takes for their rows to be swept, and some that stay.
constexpr std::uint32_t swept_count = 300;
constexpr std::uint32_t staying_count = 40;

ObjectHash counted_hash(std::uint32_t number) {
  ObjectHash out{};
  const auto bytes = to_big_endian(number);
  std::ranges::copy(bytes, out.bytes.begin());
  return out;
}

// Of one frame with two blocks: one that is its own, and one that all have.
IndexedPack counted_pack(std::uint32_t number) {
  IndexedPack out = ended_pack(1, {0, 200});
  out.hash = counted_hash(number);
  std::ranges::copy(to_big_endian(number), out.frames.front().blocks.front().tag.bytes.begin());
  return out;
}

BlockTag counted_tag(std::uint32_t number) {
  return counted_pack(number).frames.front().blocks.front().tag;
}

SegmentToLoad counted_segment(std::uint8_t name, std::uint32_t first, std::uint32_t end) {
  std::vector<IndexedPack> packs;
  for (std::uint32_t number = first; number < end; ++number) {
    packs.push_back(counted_pack(number));
  }
  return ended_segment(name, std::uint64_t{2} * first, packs);
}

std::uint64_t row_count(BlockIndex& index, const BlockTag& tag) {
  std::uint64_t out = 0;
  BlockIndex::Reader(index).for_each_copy(tag, [&](const BlockLocation& /*copy*/) {
    ++out;
    return true;
  });
  return out;
}

}  // namespace

TEST_CASE("rows of packs that have ended are swept, and no others") {
  EndedIndex fixture;
  constexpr std::uint32_t end = swept_count + staying_count;
  fixture.index.load(
      {.sequence = 3,
       .segments = {counted_segment(1, 0, swept_count), counted_segment(2, swept_count, end)}});
  const std::uint64_t before = BlockIndex::Reader(fixture.index).known_packs().size();
  EntryToLoad ending{.sequence = 8, .retired = {ended_hash(1)}};
  for (std::uint32_t number = 0; number < swept_count; ++number) {
    ending.ended.push_back(counted_hash(number));
  }
  // What is gone, and has not ended, goes on to say so.
  const bool has_ended = GENERATE(true, false);
  if (!has_ended) ending.ended.clear();
  fixture.index.load(ending);
  REQUIRE(before == end);
  {
    const BlockIndex::Reader reader(fixture.index);
    REQUIRE(reader.known_packs().size() == (has_ended ? staying_count : end));
    REQUIRE(reader.packs().size() == staying_count);
    REQUIRE(reader.pack_count() == staying_count);
    REQUIRE(reader.block_count() == std::uint64_t{2} * staying_count);
    for (std::uint32_t number = 0; number < end; ++number) {
      const bool is_gone = number < swept_count;
      REQUIRE(reader.is_gone(counted_hash(number)) == is_gone);
      REQUIRE(reader.find_pack(counted_hash(number)).has_value() == !is_gone);
      REQUIRE(reader.find(counted_tag(number)).has_value() == !is_gone);
    }
  }
  REQUIRE(row_count(fixture.index, sample_id<BlockTag>(200)) == staying_count);
}

TEST_CASE("packs that come after a sweep get numbers that no other had") {
  EndedIndex fixture;
  fixture.index.load({.sequence = 3, .segments = {counted_segment(1, 0, swept_count)}});
  EntryToLoad ending{.sequence = 8, .retired = {ended_hash(1)}};
  for (std::uint32_t number = 0; number < swept_count; ++number) {
    ending.ended.push_back(counted_hash(number));
  }
  fixture.index.load(ending);
  const std::uint32_t next = BlockIndex::Reader(fixture.index).packs_end();
  REQUIRE(next == swept_count);
  fixture.index.load({.sequence = 9, .segments = {counted_segment(2, 1'000, 1'002)}});
  const BlockIndex::Reader reader(fixture.index);
  REQUIRE(reader.packs() == std::vector<std::uint32_t>{next, next + 1});
  REQUIRE(reader.find(counted_tag(1'001))->number == 2'002);
  // A pack that has ended is not introduced again.
  REQUIRE(fixture.index.load({.sequence = 10, .segments = {counted_segment(3, 5, 6)}}) == 1);
  REQUIRE_FALSE(BlockIndex::Reader(fixture.index).find(counted_tag(5)));
}

TEST_CASE("the numbers of a forgotten snapshot are taken out, and no others") {
  EndedIndex fixture;
  const SnapshotSet forgotten{sample_id<SnapshotId>(1), ended_hash(2)};
  const SnapshotSet kept{sample_id<SnapshotId>(2), ended_hash(2)};
  const Bytes numbers(5'000, 7);  // in several pieces
  fixture.index.put_sets({{forgotten, numbers}, {kept, numbers}});
  fixture.index.load({.sequence = 8, .forgotten = {forgotten, {kept.snapshot, ended_hash(3)}}});
  const BlockIndex::Reader reader(fixture.index);
  REQUIRE_FALSE(reader.set(forgotten));
  REQUIRE(reader.set(kept) == numbers);
}
