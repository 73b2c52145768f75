// The blocks of a manifest: leaves that list entries, inner nodes that list leaves, content nodes
// for large files, blocks of extended attributes. Pure layout; the tree is manifest_tree.h.
// docs/format.md, "Manifest".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/entry.h"

namespace kist {

// A block's first byte: the level of a manifest node (0: leaf), or one of these.
inline constexpr std::uint8_t content_node_marker = 0x40;
inline constexpr std::uint8_t xattr_block_marker = 0x41;

// One entry; its path is coded relative to `previous` (shared bytes, then the rest).
void encode_entry(ByteWriter& out, const Entry& entry, std::string_view previous_path);
Entry decode_entry(ByteReader& in, std::string_view previous_path);

// Entries of a leaf, in ascending path order.
std::vector<Entry> decode_leaf(View bytes, std::string_view object);
Bytes encode_leaf(const std::vector<Entry>& entries);

struct NodeChild {
  std::string first_path;
  BlockId id;
  bool operator==(const NodeChild&) const = default;
};

// An inner node: `level` 1 lists leaves, `level` n nodes of level n - 1.
Bytes encode_node(unsigned level, const std::vector<NodeChild>& children);

struct Node {
  unsigned level = 1;
  std::vector<NodeChild> children;
  bool operator==(const Node&) const = default;
};

Node decode_node(View bytes, std::string_view object);

Bytes encode_content_node(const std::vector<ContentItem>& items);
std::vector<ContentItem> decode_content_node(View bytes, std::string_view object);

Bytes encode_xattr_block(const std::vector<Xattr>& xattrs);
std::vector<Xattr> decode_xattr_block(View bytes, std::string_view object);
// Whether the attributes are small enough to stand in the entry.
bool xattrs_fit_entry(const std::vector<Xattr>& xattrs);

}  // namespace kist
