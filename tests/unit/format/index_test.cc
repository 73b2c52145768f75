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
  IndexSegment rewritten = sample_index_segment();
  rewritten.has_numbers = true;
  rewritten.packs[0].frames[0].blocks[1].number = 123456789012;
  require_codec(rewritten, &encode_index_segment, decode);
}

TEST_CASE("a key segment keeps its promises as a layout") {
  require_codec(sample_key_segment(), &encode_key_segment,
                [](View bytes) { return decode_key_segment(bytes, "keys"); });
  require_codec(sample_key_segment_sets(), &encode_key_segment_sets,
                [](View bytes) { return decode_key_segment_sets(bytes, "keys"); });
  require_codec(sample_key_segment_inner(), &encode_key_segment_inner,
                [](View bytes) { return decode_key_segment_inner(bytes, "keys"); });
}
