// The blocks of a manifest as layouts.
#include "engine/format/manifest.h"

#include "tests/support/codec.h"
#include "tests/support/samples.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a leaf of a manifest keeps its promises as a layout") {
  require_codec(sample_entries(), &encode_leaf,
                [](View bytes) { return decode_leaf(bytes, "leaf"); });
}

TEST_CASE("an inner node of a manifest keeps its promises as a layout") {
  const Node node{.level = 2,
                  .children = {{"", sample_id<BlockId>(1)},
                               {"home/a", sample_id<BlockId>(2)},
                               {"home/a.big", sample_id<BlockId>(3)}}};
  require_codec(
      node, [](const Node& n) { return encode_node(n.level, n.children); },
      [](View bytes) { return decode_node(bytes, "node"); });
}

TEST_CASE("content nodes and blocks of attributes keep their promises as layouts") {
  const std::vector<ContentItem> items = {{ItemType::block, 10, sample_id<BlockId>(1)},
                                          {ItemType::hole, 99, {}}};
  require_codec(items, &encode_content_node,
                [](View bytes) { return decode_content_node(bytes, "node"); });
  const std::vector<Xattr> xattrs = {{"user.a", Bytes(4000, 1)}, {"user.b", Bytes(200, 2)}};
  const auto decode = [](View bytes) { return decode_xattr_block(bytes, "attributes"); };
  REQUIRE(decode(encode_xattr_block(xattrs)) == xattrs);
}

TEST_CASE("entries that could lead out of a target are refused") {
  for (const std::string path : {"..", "a/../b", "a//b", "/a", "a/", ".", "a/.", "a/./b"}) {
    Entry entry = sample_entries()[1];
    entry.path = path;
    INFO(path);
    REQUIRE(error_code([&] { decode_leaf(encode_leaf({entry}), "leaf"); }) == Code::corrupt);
  }
  Entry nul = sample_entries()[1];
  nul.path = std::string("a\0b", 3);
  REQUIRE(error_code([&] { decode_leaf(encode_leaf({nul}), "leaf"); }) == Code::corrupt);
  Entry long_name = sample_entries()[1];
  long_name.path = std::string(256, 'x');
  REQUIRE(error_code([&] { decode_leaf(encode_leaf({long_name}), "leaf"); }) == Code::corrupt);
}

TEST_CASE("a hard link that does not point back is refused") {
  Entry link = sample_entries()[5];
  link.link_target = "home/later";
  REQUIRE(error_code([&] { decode_leaf(encode_leaf({link}), "leaf"); }) == Code::corrupt);
}

TEST_CASE("content that does not add up to the file's size is refused") {
  Entry entry = sample_entries()[3];
  ++entry.size;
  REQUIRE(error_code([&] { decode_leaf(encode_leaf({entry}), "leaf"); }) == Code::corrupt);
}
