// Packs and their parts as layouts.
#include "engine/format/pack.h"

#include <algorithm>
#include <set>

#include "engine/format/limits.h"
#include "tests/support/codec.h"
#include "tests/support/samples.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a frame's list keeps its promises as a layout") {
  require_codec(sample_frame_list(), &encode_frame_list,
                [](View bytes) { return decode_frame_list(bytes, "list"); });
  require_codec(sample_rewritten_list(), &encode_frame_list,
                [](View bytes) { return decode_frame_list(bytes, "list"); });
}

TEST_CASE("block numbers are listed by their differences, and those that follow take a byte") {
  FrameList list;
  list.has_numbers = true;
  list.numbers = {{9}, {3, 4}, {}, {UINT64_MAX}, {0}, {5}, {1ULL << 63U}};
  for (std::size_t i = 0; i < list.numbers.size(); ++i) {
    list.blocks.push_back({sample_id<BlockId>(1), 10});
  }
  const auto decode = [](View bytes) { return decode_frame_list(bytes, "list"); };
  require_codec(list, &encode_frame_list, decode);
  const std::size_t before = encode_frame_list(list).size();
  list.numbers.push_back({(1ULL << 63U) + 1, (1ULL << 63U) + 2});
  list.blocks.push_back({sample_id<BlockId>(1), 10});
  REQUIRE(encode_frame_list(list).size() == before + BlockId::size + 4 + 1 + 2);
  require_codec(list, &encode_frame_list, decode);
}

TEST_CASE("a frame's list has no more numbers than a reader has room for") {
  FrameList list;
  list.has_numbers = true;
  list.blocks = {{sample_id<BlockId>(1), 10}, {sample_id<BlockId>(2), 10}};
  std::vector<std::uint64_t> many(listed_numbers_max);
  for (std::uint64_t i = 0; i < many.size(); ++i) {
    many[i] = i;
  }
  list.numbers = {many, {}};
  REQUIRE(decode_frame_list(encode_frame_list(list), "list") == list);
  list.numbers.back() = {7};
  REQUIRE(error_code([&] { decode_frame_list(encode_frame_list(list), "list"); }) == Code::corrupt);
}

TEST_CASE("a pack's directory keeps its promises as a layout") {
  require_codec(sample_places(), &encode_pack_directory,
                [](View bytes) { return decode_pack_directory(bytes, "directory"); });
}

TEST_CASE("packs come in few sizes, and padding costs 64 KiB or a thirtieth at most") {
  std::set<std::uint64_t> sizes;
  const std::uint64_t end_max =
      pack_bytes_max - directory_sealed_size(10) - std::uint64_t{pack_footer_size};
  for (std::uint64_t end = 32; end <= end_max;
       end += std::min<std::uint64_t>(1000, end_max - end + 1)) {
    const std::uint64_t needed = end + directory_sealed_size(10) + pack_footer_size;
    const std::uint64_t size = padded_pack_size(end, 10);
    CAPTURE(needed, size);
    REQUIRE(size >= needed);
    REQUIRE(size - needed < std::max<std::uint64_t>(64U << 10U, needed / 30));
    sizes.insert(size);
  }
  REQUIRE(*sizes.begin() == 64U << 10U);
  REQUIRE(*sizes.rbegin() == pack_bytes_max);
  REQUIRE(sizes.size() == 160);
}
