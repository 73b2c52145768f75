// Packs and their parts as layouts.
#include "engine/format/pack.h"

#include <set>

#include "tests/support/codec.h"
#include "tests/support/samples.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a frame's list keeps its promises as a layout") {
  require_codec(sample_frame_list(), &encode_frame_list,
                [](View bytes) { return decode_frame_list(bytes, "list"); });
}

TEST_CASE("a pack's directory keeps its promises as a layout") {
  require_codec(sample_places(), &encode_pack_directory,
                [](View bytes) { return decode_pack_directory(bytes, "directory"); });
}

TEST_CASE("packs come in ten sizes") {
  std::set<std::uint64_t> sizes;
  for (std::uint64_t end = 32; end < (32U << 20U) - 1000; end = end * 3 / 2 + 1) {
    sizes.insert(padded_pack_size(end, 10));
  }
  for (const std::uint64_t size : sizes) {
    REQUIRE((size & (size - 1)) == 0);
    REQUIRE(size >= 65536);
    REQUIRE(size <= 33554432);
  }
  REQUIRE(sizes.size() <= 10);
}
