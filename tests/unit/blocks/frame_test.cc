// Frames and directories sealed and opened.
#include "engine/blocks/frame.h"

#include "tests/unit/blocks/block_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

// Two blocks in a sealed frame.
struct SealedTwo {
  Bytes plain = Bytes(300, 'x');
  FrameList list{.encoding = FrameEncoding::raw,
                 .blocks = {{block_id(1), 100}, {block_id(2), 200}}};
  Key secret = test_key(1);
  FramePosition position{sample_id<RepositoryId>(1), PackKind::data, 7};
  Bytes sealed = seal_frame(secret, position, plain, list);
  Decompressor decompressor;

  [[nodiscard]] std::size_t contents_size() const { return plain.size() + authenticator_bytes; }

  Bytes open(const Key& with, const FramePosition& at, View bytes) {
    return open_frame(with, at,
                      {.contents = bytes.first(contents_size()),
                       .encoding = FrameEncoding::raw,
                       .plain_size = static_cast<std::uint32_t>(plain.size())},
                      decompressor, "a frame");
  }
};

}  // namespace

TEST_CASE("a frame opens to its plaintext and its list") {
  SealedTwo frame;
  REQUIRE(frame.open(frame.secret, frame.position, frame.sealed) == frame.plain);
  const View list = View(frame.sealed).subspan(frame.contents_size());
  REQUIRE(open_frame_list(frame.secret, frame.position, list, "a frame") == frame.list);
}

TEST_CASE("a compressed frame opens to its plaintext, and to no other size") {
  SealedTwo frame;
  Bytes compressed;
  REQUIRE(Compressor().compress(frame.plain, {3}, compressed));
  frame.list.encoding = FrameEncoding::zstd;
  const Bytes sealed = seal_frame(frame.secret, frame.position, compressed, frame.list);
  SealedFrame parts{.contents = View(sealed).first(compressed.size() + authenticator_bytes),
                    .encoding = FrameEncoding::zstd,
                    .plain_size = 300};
  const auto open = [&] {
    return open_frame(frame.secret, frame.position, parts, frame.decompressor, "a frame");
  };
  REQUIRE(open() == frame.plain);
  parts.plain_size = 299;
  REQUIRE(error_code(open) == Code::corrupt);
}

TEST_CASE("a frame opens at no other place and under no other key") {
  SealedTwo frame;
  FramePosition position = frame.position;
  position.frame = 8;
  REQUIRE(error_code([&] { frame.open(frame.secret, position, frame.sealed); }) == Code::corrupt);
  position = frame.position;
  position.kind = PackKind::meta;
  REQUIRE(error_code([&] { frame.open(frame.secret, position, frame.sealed); }) == Code::corrupt);
  position = frame.position;
  position.repository = sample_id<RepositoryId>(2);
  REQUIRE(error_code([&] { frame.open(frame.secret, position, frame.sealed); }) == Code::corrupt);
  REQUIRE(error_code([&] { frame.open(test_key(2), frame.position, frame.sealed); }) ==
          Code::corrupt);
}

TEST_CASE("a frame with any flipped bit is not taken for good when it is checked") {
  SealedTwo frame;
  const auto check = [&](View sealed) {
    check_frame(frame.secret, frame.position, sealed, {frame.plain, frame.list},
                frame.decompressor);
  };
  REQUIRE_NOTHROW(check(frame.sealed));
  for (std::size_t i = 0; i < frame.sealed.size(); ++i) {
    Bytes flipped = frame.sealed;
    flipped[i] ^= 4U;
    INFO("byte " << i);
    REQUIRE(error_code([&] { check(flipped); }) == Code::corrupt);
  }
}

TEST_CASE("a frame that was sealed from other bytes than are in memory is not taken for good") {
  SealedTwo frame;
  const auto check = [&](View plain, const FrameList& list) {
    check_frame(frame.secret, frame.position, frame.sealed, {plain, list}, frame.decompressor);
  };
  Bytes other = frame.plain;
  other[250] ^= 1U;
  REQUIRE(error_code([&] { check(other, frame.list); }) == Code::corrupt);
  FrameList list = frame.list;
  list.blocks[1].id = block_id(3);
  REQUIRE(error_code([&] { check(frame.plain, list); }) == Code::corrupt);
}

TEST_CASE("a pack's directory opens with its key alone") {
  const FramePosition position{sample_id<RepositoryId>(1), PackKind::meta, 0};
  const Key key = derive_directory_key(test_key(1));
  const Bytes sealed = seal_directory(key, position, sample_places());
  REQUIRE(open_directory(key, position, sealed, "a pack") == sample_places());
  REQUIRE(error_code([&] { open_directory(test_key(1), position, sealed, "a pack"); }) ==
          Code::corrupt);
}
