#include "engine/format/manifest_tree.h"

#include <algorithm>

#include "engine/format/limits.h"

namespace kist {

namespace {

// A node ends with about one item in 2^7; each level looks at other bits of the hash.
constexpr unsigned cut_bits = 7;
constexpr std::uint64_t cut_mask = (1U << cut_bits) - 1;
// Levels beyond this look at the same bits: 2^56 entries are not reached.
constexpr unsigned cut_level_max = 8;

bool hash_cuts(std::uint64_t hash, unsigned level) {
  return ((hash >> (cut_bits * std::min(level, cut_level_max))) & cut_mask) == 0;
}

std::string node_label(const BlockId& id) {
  return concat("manifest block ", hex(id));
}

std::uint64_t covered(const std::vector<ContentItem>& items) {
  std::uint64_t total = 0;
  for (const ContentItem& item : items) {
    total += item.size;
  }
  return total;
}

}  // namespace

ManifestBuilder::ManifestBuilder(PutBlock put, PathHash hash)
    : put_(std::move(put)), hash_(std::move(hash)) {}

void ManifestBuilder::add(const Entry& entry) {
  KIST_ENSURE(leaf_count_ + levels_.size() == 0 || compare_paths(last_path_, entry.path) < 0);
  if (leaf_count_ == 0) first_path_ = entry.path;
  encode_entry(leaf_, entry, leaf_count_ == 0 ? std::string_view() : last_path_);
  ++leaf_count_;
  last_path_ = entry.path;
  if (leaf_count_ == manifest_node_items_max || leaf_.size() >= manifest_node_bytes_cut ||
      hash_cuts(hash_(entry.path), 0)) {
    flush_leaf();
  }
}

void ManifestBuilder::flush_leaf() {
  ByteWriter block;
  block.u8(0);
  block.varint(leaf_count_);
  block.raw(leaf_.view());
  const BlockId id = put_(block.view());
  leaf_.clear();
  leaf_count_ = 0;
  add_child(0, {first_path_, id});
}

void ManifestBuilder::add_child(unsigned level, NodeChild child) {
  if (levels_.size() == level) levels_.emplace_back();
  const bool cuts = hash_cuts(hash_(child.first_path), level + 1);
  levels_[level].path_bytes += child.first_path.size();
  levels_[level].children.push_back(std::move(child));
  if (cuts || levels_[level].children.size() == manifest_node_items_max ||
      levels_[level].path_bytes >= manifest_node_bytes_cut) {
    flush_node(level);
  }
}

void ManifestBuilder::flush_node(unsigned level) {
  std::vector<NodeChild> children = std::exchange(levels_[level], {}).children;
  const BlockId id = put_(encode_node(level + 1, children));
  add_child(level + 1, {std::move(children.front().first_path), id});
}

BlockId ManifestBuilder::finish() {
  if (leaf_count_ > 0) flush_leaf();
  KIST_ENSURE(!levels_.empty());
  // Close each level into the next; the root is the first node without a sibling.
  for (unsigned level = 0;; ++level) {
    const bool is_top = level + 1 == levels_.size();
    if (is_top && levels_[level].children.size() == 1) return levels_[level].children.front().id;
    if (!levels_[level].children.empty()) flush_node(level);
  }
}

BlockId ManifestBuilder::root_so_far(PutBlock put) const {
  ManifestBuilder copy = *this;
  copy.put_ = std::move(put);
  return copy.finish();
}

void ContentBuilder::add_at(std::size_t level, const ContentItem& item) {
  if (levels_.size() == level) levels_.emplace_back();
  if (levels_[level].is_cut) {
    append(level, item);
    return;
  }
  levels_[level].items.push_back(item);
  if (levels_[level].items.size() <= content_items_max) return;
  levels_[level].is_cut = true;
  for (const ContentItem& held : std::exchange(levels_[level].items, {})) {
    append(level, held);
  }
}

void ContentBuilder::append(std::size_t level, const ContentItem& item) {
  levels_[level].items.push_back(item);
  const bool cuts = item.type != ItemType::hole && (item.id.bytes[level % 32] & cut_mask) == 0;
  if (cuts || levels_[level].items.size() == content_node_items_max) flush(level);
}

void ContentBuilder::flush(std::size_t level) {
  const std::vector<ContentItem> items = std::exchange(levels_[level].items, {});
  const BlockId id = put_(encode_content_node(items));
  add_at(level + 1, {ItemType::node, covered(items), id});
}

std::vector<ContentItem> ContentBuilder::finish() {
  std::size_t level = 0;
  for (; level < levels_.size() && levels_[level].is_cut; ++level) {
    if (!levels_[level].items.empty()) flush(level);
  }
  std::vector<ContentItem> out =
      level < levels_.size() ? std::move(levels_[level].items) : std::vector<ContentItem>();
  levels_.clear();
  return out;
}

namespace {

bool is_leaf(View bytes) {
  return !bytes.empty() && bytes[0] == 0;
}

}  // namespace

// Where a node stands, by its parent: it begins with that path, ends before the next one's, and
// lies deeper. So no block stands twice in a tree, and order holds.
struct ManifestReader::Place {
  const std::string* first = nullptr;
  const std::string* end = nullptr;
  unsigned level_max = tree_levels_max;

  void check(const BlockId& id, const std::string& found_first, const std::string& last) const {
    if (first != nullptr && *first != found_first) {
      throw Error(Code::corrupt, concat(node_label(id), " does not begin where its parent says"));
    }
    if (end != nullptr && compare_paths(last, *end) >= 0) {
      throw Error(Code::corrupt, concat(node_label(id), " goes on beyond its place"));
    }
  }

  [[nodiscard]] std::vector<Entry> read_leaf(View bytes, const BlockId& id) const {
    std::vector<Entry> entries = decode_leaf(bytes, node_label(id));
    check(id, entries.front().path, entries.back().path);
    return entries;
  }

  [[nodiscard]] Node read_node(View bytes, const BlockId& id) const {
    Node node = decode_node(bytes, node_label(id));
    if (node.level > level_max) {
      throw Error(Code::corrupt, concat(node_label(id), " stands at a wrong level"));
    }
    check(id, node.children.front().first_path, node.children.back().first_path);
    return node;
  }

  [[nodiscard]] Place child(const Node& node, std::size_t i) const {
    const bool is_last = i + 1 == node.children.size();
    return {.first = &node.children[i].first_path,
            .end = is_last ? end : &node.children[i + 1].first_path,
            .level_max = node.level - 1};
  }
};

struct ManifestReader::Visit {
  std::string_view path;
  Order order;
  const Each& each;
};

bool ManifestReader::visit(const BlockId& id, const Place& place, const Visit& how) const {
  const Bytes bytes = get_(id);
  if (is_leaf(bytes)) {
    const std::vector<Entry> entries = place.read_leaf(bytes, id);
    const auto handle = [&](const Entry& entry) {
      return !is_within(entry.path, how.path) || how.each(entry);
    };
    if (how.order == Order::forward) return std::ranges::all_of(entries, handle);
    return std::all_of(entries.rbegin(), entries.rend(), handle);
  }
  const Node node = place.read_node(bytes, id);
  const auto handle = [&](std::size_t i) {
    // Skip children that end before the path begins, or begin after all that lies within it.
    const bool ends_before = i + 1 < node.children.size() &&
                             compare_paths(node.children[i + 1].first_path, how.path) <= 0;
    const std::string& first = node.children[i].first_path;
    const bool begins_after = compare_paths(first, how.path) > 0 && !is_within(first, how.path);
    if (ends_before || begins_after) return true;
    return visit(node.children[i].id, place.child(node, i), how);
  };
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    const bool is_forward = how.order == Order::forward;
    if (!handle(is_forward ? i : node.children.size() - 1 - i)) return false;
  }
  return true;
}

void ManifestReader::for_each(const BlockId& root,
                              std::string_view path,
                              Order order,
                              const Each& each) const {
  visit(root, {}, {path, order, each});
}

std::optional<Entry> ManifestReader::lookup(const BlockId& root, std::string_view path) const {
  std::optional<Entry> found;
  for_each(root, path, Order::forward, [&](const Entry& entry) {
    if (entry.path == path) found = entry;
    return false;
  });
  return found;
}

void ManifestReader::for_each_node(const BlockId& root,
                                   const std::function<void(const BlockId&)>& each) const {
  const std::function<void(const BlockId&, const Place&)> walk = [&](const BlockId& id,
                                                                     const Place& place) {
    each(id);
    const Bytes bytes = get_(id);
    if (is_leaf(bytes)) {
      static_cast<void>(place.read_leaf(bytes, id));
      return;
    }
    const Node node = place.read_node(bytes, id);
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      walk(node.children[i].id, place.child(node, i));
    }
  };
  walk(root, {});
}

void ManifestReader::visit_items(const std::vector<ContentItem>& items,
                                 unsigned depth,
                                 const std::function<void(const ContentItem&)>& each,
                                 const std::function<bool(const BlockId&)>& enters) const {
  for (const ContentItem& item : items) {
    if (item.type != ItemType::node) {
      each(item);
      continue;
    }
    const std::string label = concat("content node ", hex(item.id));
    if (depth == tree_levels_max) throw Error(Code::corrupt, concat(label, " lies too deep"));
    if (enters && !enters(item.id)) continue;
    const std::vector<ContentItem> inner = decode_content_node(get_(item.id), label);
    if (covered(inner) != item.size) {
      throw Error(Code::corrupt, concat(label, " covers another size than its parent says"));
    }
    visit_items(inner, depth + 1, each, enters);
  }
}

void ManifestReader::for_each_item(const std::vector<ContentItem>& items,
                                   const std::function<void(const ContentItem&)>& each,
                                   const std::function<bool(const BlockId&)>& enters) const {
  visit_items(items, 0, each, enters);
}

std::vector<Xattr> ManifestReader::xattrs(const Entry& entry) const {
  if (!entry.xattrs_block) return entry.xattrs;
  return decode_xattr_block(get_(*entry.xattrs_block), "block of extended attributes");
}

// Walks one tree for diff: stands on a subtree (not yet opened) or on an entry.
class ManifestReader::Cursor {
 public:
  Cursor(const GetBlock& get, const BlockId& root) : get_(get) {
    stack_.push_back({.id = root, .first = {}, .end = {}, .level_max = tree_levels_max});
  }

  [[nodiscard]] bool at_end() const { return entries_.empty() && stack_.empty(); }

  [[nodiscard]] bool on_subtree() const { return entries_.empty() && !stack_.empty(); }

  [[nodiscard]] const BlockId& subtree() const { return stack_.back().id; }

  // The first path of what the cursor stands on; for the root subtree, the empty path.
  [[nodiscard]] std::string_view path() const {
    if (!entries_.empty()) return entries_.back().path;
    return stack_.back().first ? std::string_view(*stack_.back().first) : std::string_view();
  }

  [[nodiscard]] const Entry& entry() const { return entries_.back(); }

  void skip() {
    if (entries_.empty()) {
      stack_.pop_back();
    } else {
      entries_.pop_back();
    }
  }

  // Opens the subtree: its children, or its entries, take its place.
  void descend() {
    const Subtree subtree = std::move(stack_.back());
    stack_.pop_back();
    const Place place{.first = subtree.first ? &*subtree.first : nullptr,
                      .end = subtree.end ? &*subtree.end : nullptr,
                      .level_max = subtree.level_max};
    const Bytes bytes = get_(subtree.id);
    if (is_leaf(bytes)) {
      entries_ = place.read_leaf(bytes, subtree.id);
      std::ranges::reverse(entries_);
      return;
    }
    const Node node = place.read_node(bytes, subtree.id);
    for (std::size_t i = node.children.size(); i-- > 0;) {
      const Place child = place.child(node, i);
      stack_.push_back({.id = node.children[i].id,
                        .first = *child.first,
                        .end = child.end == nullptr ? std::nullopt : std::optional(*child.end),
                        .level_max = child.level_max});
    }
  }

 private:
  struct Subtree {
    BlockId id;
    std::optional<std::string> first;  // none: the root
    std::optional<std::string> end;
    unsigned level_max = 0;
  };

  const GetBlock& get_;
  std::vector<Subtree> stack_;
  std::vector<Entry> entries_;  // the open leaf, last first
};

template <typename Handle>
void ManifestReader::drain(Cursor& cursor, const Handle& handle) {
  while (!cursor.at_end()) {
    if (cursor.on_subtree()) {
      cursor.descend();
    } else {
      handle(cursor.entry());
      cursor.skip();
    }
  }
}

void ManifestReader::diff(const BlockId& old_root,
                          const BlockId& new_root,
                          const EachDifference& each) const {
  Cursor left(get_, old_root);
  Cursor right(get_, new_root);
  while (!left.at_end() && !right.at_end()) {
    if (left.on_subtree() && right.on_subtree() && left.subtree() == right.subtree()) {
      left.skip();
      right.skip();
      continue;
    }
    const int order = compare_paths(left.path(), right.path());
    // Open the subtree that comes first; what stands behind it may still be equal.
    if (left.on_subtree() && order <= 0) {
      left.descend();
    } else if (right.on_subtree() && order >= 0) {
      right.descend();
    } else if (order < 0) {
      each(&left.entry(), nullptr);
      left.skip();
    } else if (order > 0) {
      each(nullptr, &right.entry());
      right.skip();
    } else {
      if (left.entry() != right.entry()) each(&left.entry(), &right.entry());
      left.skip();
      right.skip();
    }
  }
  drain(left, [&](const Entry& entry) { each(&entry, nullptr); });
  drain(right, [&](const Entry& entry) { each(nullptr, &entry); });
}

}  // namespace kist
