// A manifest as a tree: built entry by entry in path order with bounded memory, read back in order,
// by path, or as the difference of two. Where nodes are cut depends on paths alone (a keyed hash),
// so equal regions of two trees are equal blocks. docs/format.md, "Manifest".
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/entry.h"
#include "engine/format/manifest.h"

namespace kist {

// Stores a meta block and returns its id.
using PutBlock = std::function<BlockId(View)>;
// Returns the plaintext of a meta block; throws when it is missing or damaged.
using GetBlock = std::function<Bytes(const BlockId&)>;
// A keyed hash of a path: 64 uniform bits.
using PathHash = std::function<std::uint64_t(std::string_view)>;

class ManifestBuilder {
 public:
  ManifestBuilder(PutBlock put, PathHash hash);
  // Entries come in strictly ascending path order.
  void add(const Entry& entry);
  // The root's id; at least one entry was added.
  BlockId finish();
  // The root of a tree of the entries so far; `put` takes the blocks that only it needs. More may
  // be added afterwards.
  [[nodiscard]] BlockId root_so_far(PutBlock put) const;

 private:
  void flush_leaf();
  void add_child(unsigned level, NodeChild child);
  void flush_node(unsigned level);

  PutBlock put_;
  PathHash hash_;
  ByteWriter leaf_;
  std::uint64_t leaf_count_ = 0;
  std::string first_path_;
  std::string last_path_;

  struct Level {
    std::vector<NodeChild> children;
    std::size_t path_bytes = 0;
  };

  std::vector<Level> levels_;  // [0] collects what a node of level 1 lists
};

// Turns a file's items, in order, into what its entry holds: the items themselves up to 64, else a
// tree of content nodes.
class ContentBuilder {
 public:
  explicit ContentBuilder(const PutBlock& put) : put_(put) {}

  void add(const ContentItem& item) { add_at(0, item); }

  std::vector<ContentItem> finish();

 private:
  struct Level {
    std::vector<ContentItem> items;
    bool is_cut = false;  // more than an entry holds: nodes are being written
  };

  void add_at(std::size_t level, const ContentItem& item);
  void append(std::size_t level, const ContentItem& item);
  void flush(std::size_t level);

  const PutBlock& put_;
  std::vector<Level> levels_;
};

class ManifestReader {
 public:
  explicit ManifestReader(GetBlock get) : get_(std::move(get)) {}

  // Calls `each` for the entry at `path` and all below it, in order or from the last to the first.
  // `each` returns false to stop.
  enum class Order { forward, backward };
  using Each = std::function<bool(const Entry&)>;
  void for_each(const BlockId& root, std::string_view path, Order order, const Each& each) const;
  [[nodiscard]] std::optional<Entry> lookup(const BlockId& root, std::string_view path) const;

  // Calls `each(old, new)` for every path that is not the same in both: one side is null where the
  // path is absent. Equal subtrees are not read.
  using EachDifference = std::function<void(const Entry*, const Entry*)>;
  void diff(const BlockId& old_root, const BlockId& new_root, const EachDifference& each) const;

  // Calls `each` for the id of every block of the tree itself, and of every content node and
  // attribute block that its entries name; and for each file content item.
  void for_each_node(const BlockId& root, const std::function<void(const BlockId&)>& each) const;
  // The items of a file in order, content nodes resolved. `enters`, if given, is asked for each
  // content node: the items of a node for which it returns false are skipped.
  void for_each_item(const std::vector<ContentItem>& items,
                     const std::function<void(const ContentItem&)>& each,
                     const std::function<bool(const BlockId&)>& enters = nullptr) const;
  // The entry's extended attributes, wherever they stand.
  [[nodiscard]] std::vector<Xattr> xattrs(const Entry& entry) const;

 private:
  class Cursor;
  template <typename Handle>
  static void drain(Cursor& cursor, const Handle& handle);
  struct Visit;
  struct Place;
  bool visit(const BlockId& id, const Place& place, const Visit& how) const;
  void visit_items(const std::vector<ContentItem>& items,
                   unsigned depth,
                   const std::function<void(const ContentItem&)>& each,
                   const std::function<bool(const BlockId&)>& enters) const;

  GetBlock get_;
};

}  // namespace kist
