// A pack's layout: places, room, padding.
#include "engine/blocks/pack_layout.h"

#include "engine/format/limits.h"
#include "tests/unit/blocks/block_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

struct Layout {
  void place(std::uint32_t contents, std::uint32_t list) {
    pack.place({.contents = contents, .list = list},
               {.encoding = FrameEncoding::raw, .blocks = {{block_id(contents), 1}}});
  }

  SeededRandom random{seed()};
  PackLayout pack{test_repository(), PackKind::data, random};
};

}  // namespace

TEST_CASE("frames get successive places behind the header") {
  Layout layout;
  layout.place(100, 20);
  layout.place(300, 40);
  const IndexedPack pack = layout.pack.close(false).indexed;
  REQUIRE(pack.frames.size() == 2);
  REQUIRE(pack.frames[0].place == FramePlace{pack_header_size, 100, 20});
  REQUIRE(pack.frames[1].place == FramePlace{pack_header_size + 120, 300, 40});
  REQUIRE(pack.frames[1].blocks.front().tag == tag_of(block_id(300)));
}

TEST_CASE("a pack's padding fills it to the greatest size if it is full, and to few sizes else") {
  const std::uint32_t size = GENERATE(1U, 60'000U, 65'000U, 65'536U, 70'000U, 5'000'000U);
  const bool is_full = GENERATE(false, true);
  Layout layout;
  layout.place(size, 20);
  const PackLayout::Closed closed = layout.pack.close(is_full);
  REQUIRE(closed.indexed.size ==
          (is_full ? pack_bytes_max : padded_pack_size(pack_header_size + size + 20, 1)));
  REQUIRE(pack_header_size + size + 20 + closed.end.padding_size +
              closed.end.directory_and_footer.size() ==
          closed.indexed.size);
}

TEST_CASE("a pack has room for a frame as long as it stays within its limit when padded") {
  Layout layout;
  layout.place(1'000, 20);
  const std::uint64_t left =
      pack_bytes_max - pack_header_size - 1'020 - directory_sealed_size(2) - pack_footer_size;
  const auto contents = static_cast<std::uint32_t>(left - 20);
  REQUIRE(layout.pack.has_room_for({.contents = contents, .list = 20}));
  REQUIRE_FALSE(layout.pack.has_room_for({.contents = contents + 1, .list = 20}));
  layout.place(contents, 20);
  const PackLayout::Closed closed = layout.pack.close(false);
  REQUIRE(closed.indexed.size == pack_bytes_max);
  REQUIRE(closed.end.padding_size == 0);
}
