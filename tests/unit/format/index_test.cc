// Index segments and key segments as layouts.
#include "engine/format/index.h"

#include "engine/format/limits.h"
#include "tests/support/codec.h"
#include "tests/support/samples.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a key segment of more packs than one may hold is refused") {
  KeySegmentOuter outer;
  outer.groups = {{.entry = 1, .packs = {}}, {.entry = 2, .packs = {}}};
  outer.groups.front().packs.resize(key_segment_packs_max - 1);
  outer.groups.back().packs.resize(1);
  REQUIRE_NOTHROW(decode_key_segment(encode_key_segment(outer), "keys"));
  outer.groups.back().packs.emplace_back();
  REQUIRE(error_code([&] {
            static_cast<void>(decode_key_segment(encode_key_segment(outer), "keys"));
          }) == Code::corrupt);
}

TEST_CASE("the groups of a key segment ascend, and are found by their entries") {
  KeySegmentOuter outer;
  outer.groups = {{.entry = 3}, {.entry = 5}};
  REQUIRE(outer.find(5) == 1);
  REQUIRE_FALSE(outer.find(4));
  REQUIRE_FALSE(outer.find(6));
  for (const std::uint64_t second : {std::uint64_t{3}, std::uint64_t{2}}) {
    outer.groups.back().entry = second;
    REQUIRE(error_code([&] {
              static_cast<void>(decode_key_segment(encode_key_segment(outer), "keys"));
            }) == Code::corrupt);
  }
}

TEST_CASE("an index segment keeps its promises as a layout") {
  const auto decode = [](View bytes) { return decode_index_segment(bytes, "index"); };
  require_codec(sample_index_segment(), &encode_index_segment, decode);
  IndexSegment empty = sample_index_segment();
  empty.packs.front().frames.front().blocks.front().size = 0;
  REQUIRE(error_code([&] { decode(encode_index_segment(empty)); }) == Code::corrupt);
  FrameList list = sample_frame_list();
  list.blocks.front().size = 0;
  REQUIRE(error_code([&] { decode_frame_list(encode_frame_list(list), "list"); }) == Code::corrupt);
  empty = sample_index_segment();
  empty.packs.clear();
  REQUIRE(error_code([&] { decode(encode_index_segment(empty)); }) == Code::corrupt);
}

TEST_CASE("a rewritten index segment keeps its promises as a layout") {
  const auto decode = [](View bytes) { return decode_index_segment(bytes, "index"); };
  const IndexSegment rewritten = sample_rewritten_segment();
  require_codec(rewritten, &encode_index_segment, decode);
  // A block without a number has a size, for the next one begins behind it, and no tag.
  const IndexedFrame& frame = rewritten.packs.front().frames.front();
  REQUIRE(frame.numbers.front().empty());
  REQUIRE(encode_index_segment(rewritten).size() ==
          1 + 4 + (32 + 2 + 8 + 8 + 4) + (12 + 1 + 4) + (4 + 1) + (4 + 1 + 1 + 6 + 24));
  for (const std::vector<std::uint64_t>& numbers :
       {std::vector<std::uint64_t>{7, 7}, std::vector<std::uint64_t>{8, 7}}) {
    IndexSegment unordered = rewritten;
    unordered.packs.front().frames.front().numbers.back() = numbers;
    REQUIRE(error_code([&] { decode(encode_index_segment(unordered)); }) == Code::corrupt);
  }
}

TEST_CASE("a key segment keeps its promises as a layout") {
  require_codec(sample_key_segment(), &encode_key_segment,
                [](View bytes) { return decode_key_segment(bytes, "keys"); });
  require_codec(sample_key_segment_sets(), &encode_key_segment_sets,
                [](View bytes) { return decode_key_segment_sets(bytes, "keys"); });
  require_codec(sample_key_segment_inner(), &encode_key_segment_inner,
                [](View bytes) { return decode_key_segment_inner(bytes, "keys"); });
}
