// Which segments of an entry count, and which numbers their blocks have.
#include "engine/blocks/segment_numbering.h"

#include "tests/support/samples.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

// A segment of one pack with so many blocks.
IndexSegment segment_at(std::uint32_t first_ordinal,
                        std::size_t blocks,
                        PackKind kind = PackKind::data) {
  IndexSegment out;
  out.first_ordinal = first_ordinal;
  IndexedPack& pack = out.packs.emplace_back();
  pack.kind = kind;
  pack.frames.emplace_back().blocks.resize(blocks);
  return out;
}

constexpr EntryNumbers numbers{.first_number = 1'000, .data = 128, .meta = 64};

}  // namespace

TEST_CASE("a segment's blocks are numbered by its ordinals within its stream") {
  SegmentNumbering numbering(numbers);
  REQUIRE(numbering.place(PackKind::data, segment_at(0, 100)) == 1'000);
  REQUIRE(numbering.place(PackKind::meta, segment_at(0, 5, PackKind::meta)) == 1'128);
  REQUIRE(numbering.place(PackKind::data, segment_at(100, 28)) == 1'100);
  REQUIRE(numbering.place(PackKind::meta, segment_at(10, 54, PackKind::meta)) == 1'138);
}

TEST_CASE("a segment has its numbers, whichever others of the entry can be read") {
  SegmentNumbering numbering(numbers);
  REQUIRE(numbering.place(PackKind::data, segment_at(100, 28)) == 1'100);
}

TEST_CASE("a segment whose ordinals are not reserved does not count") {
  for (const std::uint32_t first : {0U, 100U, 128U, UINT32_MAX}) {
    SegmentNumbering numbering(numbers);
    REQUIRE_FALSE(numbering.place(PackKind::data, segment_at(first, 129)));
    REQUIRE(numbering.place(PackKind::data, segment_at(0, 128)) == 1'000);
  }
  SegmentNumbering numbering(numbers);
  REQUIRE_FALSE(numbering.place(PackKind::meta, segment_at(64, 1, PackKind::meta)));
}

TEST_CASE("a segment that meets the numbers of one before it does not count, and takes nothing") {
  SegmentNumbering numbering(numbers);
  REQUIRE(numbering.place(PackKind::data, segment_at(10, 10)) == 1'010);
  REQUIRE_FALSE(numbering.place(PackKind::data, segment_at(19, 50)));
  REQUIRE_FALSE(numbering.place(PackKind::data, segment_at(10, 10)));
  REQUIRE_FALSE(numbering.place(PackKind::data, segment_at(0, 5)));  // out of order
  REQUIRE(numbering.place(PackKind::data, segment_at(20, 5)) == 1'020);
  REQUIRE(numbering.place(PackKind::meta, segment_at(0, 5, PackKind::meta)) == 1'128);
}

TEST_CASE("a segment lists packs of its stream, and no numbers of its own") {
  SegmentNumbering numbering(numbers);
  REQUIRE_FALSE(numbering.place(PackKind::meta, segment_at(0, 5)));
  REQUIRE_FALSE(numbering.place(PackKind::data, segment_at(0, 5, PackKind::meta)));
  IndexSegment mixed = segment_at(0, 5);
  mixed.packs.push_back(segment_at(0, 5, PackKind::meta).packs.front());
  REQUIRE_FALSE(numbering.place(PackKind::data, mixed));
  IndexSegment rewritten = segment_at(0, 5);
  rewritten.has_numbers = true;
  REQUIRE_FALSE(numbering.place(PackKind::data, rewritten));
  REQUIRE(numbering.place(PackKind::data, segment_at(0, 5)) == 1'000);
}

TEST_CASE("the ordinals of a segment that was replaced stay taken") {
  SegmentNumbering numbering(numbers);
  numbering.skip(PackKind::data, 10, 10);
  REQUIRE_FALSE(numbering.place(PackKind::data, segment_at(19, 5)));
  REQUIRE_FALSE(numbering.place(PackKind::data, segment_at(0, 5)));
  numbering.skip(PackKind::data, 0, 0);
  REQUIRE(numbering.place(PackKind::data, segment_at(20, 5)) == 1'020);
  REQUIRE(numbering.place(PackKind::meta, segment_at(0, 5, PackKind::meta)) == 1'128);
}
