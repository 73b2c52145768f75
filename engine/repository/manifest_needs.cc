#include "engine/repository/manifest_needs.h"

#include <algorithm>

#include "engine/base/attempt.h"
#include "engine/blocks/snapshot_numbers.h"
#include "engine/blocks/snapshot_opener.h"
#include "engine/crypto/hash.h"
#include "engine/format/limits.h"
#include "engine/format/manifest.h"
#include "engine/rules/policy.h"

namespace kist {

namespace {

// Parts of manifests that are remembered at a time.
constexpr std::size_t nodes_max = 64U << 10U;

bool contains_all(const NumberSet& set, NumberSet numbers) {
  numbers.subtract(set);
  return numbers.empty();
}

bool intersects(NumberSet numbers, const NumberSet& others) {
  numbers.intersect(others);
  return !numbers.empty();
}

// By the numbers that stand relative to the entry's, and those that do not.
ReferenceSet as_reference_set(const NumberSet& numbers, const EntryNumbers& own) {
  ReferenceSet out;
  numbers.for_each([&](std::uint64_t number) {
    const bool is_own = number >= own.first_number && number - own.first_number < own.count();
    if (is_own) {
      out.relative.add(number - own.first_number);
    } else {
      out.absolute.add(number);
    }
  });
  return out;
}

}  // namespace

void Needs::add(const Needs& other) {
  single.unite(other.single);
  several.unite(other.several);
  lost += other.lost;
}

ManifestNeeds::ManifestNeeds(const Repository& repository, BlockIndex& index)
    : repository_(repository),
      index_(index),
      keys_(repository.read_keys()),
      blocks_(repository.journal(), index, keys_) {}

const NumberSet& ManifestNeeds::distrusted_by(const SlotId& author) {
  const auto found = distrusted_.find(author);
  if (found != distrusted_.end()) return found->second;
  const State& state = repository_.state();
  const TrustedNumbers trusted(state, default_policy(state).dedup, author);
  return distrusted_.emplace(author, trusted.distrusted()).first->second;
}

// False where nobody has the block.
bool ManifestNeeds::add_block(Needs& to, const BlockId& id) {
  std::vector<std::uint64_t> numbers;
  index_.for_each_copy(tag_of(id), [&](const BlockLocation& copy) {
    numbers.push_back(copy.number);
    return true;
  });
  if (numbers.empty()) {
    ++to.lost;
    return false;
  }
  const std::uint64_t first = numbers.front();
  if (numbers.size() == 1) {
    to.single.add(first);
  } else {
    to.several.add(first);
    copies_.try_emplace(first, std::move(numbers));
  }
  return true;
}

// Whether each copy is in a pack that stands condemned.
bool ManifestNeeds::is_known_lost(const BlockId& id) const {
  bool out = true;
  index_.for_each_copy(tag_of(id), [&](const BlockLocation& copy) {
    out = repository_.state().is_condemned(index_.pack(copy.pack).hash);
    return out;
  });
  return out;
}

namespace {

// What a block of a manifest names.
struct Named {
  std::vector<BlockId> blocks;  // that hold no further names
  std::vector<BlockId> nodes;
};

void add_items(Named& to, const std::vector<ContentItem>& items) {
  for (const ContentItem& item : items) {
    if (item.type == ItemType::block) to.blocks.push_back(item.id);
    if (item.type == ItemType::node) to.nodes.push_back(item.id);
  }
}

Named decode_names(View bytes, const std::string& label) {
  Named out;
  const std::uint8_t kind = bytes.front();
  if (kind == content_node_marker) {
    add_items(out, decode_content_node(bytes, label));
  } else if (kind == 0) {
    for (const Entry& entry : decode_leaf(bytes, label)) {
      if (entry.xattrs_block) out.blocks.push_back(*entry.xattrs_block);
      add_items(out, entry.content);
    }
  } else {
    for (const NodeChild& child : decode_node(bytes, label).children) {
      out.nodes.push_back(child.id);
    }
  }
  return out;
}

// Deeper than any manifest with its content nodes lies.
constexpr unsigned depth_max = 2 * tree_levels_max;

}  // namespace

std::shared_ptr<const Needs> ManifestNeeds::of_node(const BlockId& id, unsigned depth) {
  const auto found = nodes_.find(id);
  if (found != nodes_.end()) return found->second;
  if (nodes_.size() >= nodes_max) nodes_.clear();
  auto needs = std::make_shared<const Needs>(read_node(id, depth));
  nodes_.emplace(id, needs);
  return needs;
}

Needs ManifestNeeds::read_node(const BlockId& id, unsigned depth) {
  check_cancelled(repository_.observer());
  Bytes bytes;
  const auto damage = damage_of([&] { bytes = blocks_.get(id); });
  if (damage && !is_known_lost(id)) throw Error(*damage);
  if (damage || depth > depth_max) return {.lost = 1};
  Named named;
  // The bytes are what the id says: what does not decode is its author's nonsense, for everybody.
  const auto nonsense =
      damage_of([&] { named = decode_names(bytes, concat("manifest block ", hex(id))); });
  if (nonsense) return {.lost = 1};
  Needs out;
  for (const BlockId& block : named.blocks) {
    add_block(out, block);
  }
  for (const BlockId& node : named.nodes) {
    if (add_block(out, node)) out.add(*of_node(node, depth + 1));
  }
  return out;
}

// All numbers of the blocks of which there are several copies.
NumberSet ManifestNeeds::all_of(const NumberSet& several) const {
  NumberSet out;
  several.for_each([&](std::uint64_t first) {
    for (const std::uint64_t number : copies_.at(first)) {
      out.add(number);
    }
  });
  return out;
}

// Of each block with several copies those that the set names and the author may rely on; where it
// names none, one that it could. Nothing where there is none.
std::optional<NumberSet> ManifestNeeds::choose(const NumberSet& several,
                                               const NumberSet& set,
                                               const NumberSet& distrusted) const {
  NumberSet out;
  bool is_complete = true;
  several.for_each([&](std::uint64_t first) {
    std::optional<std::uint64_t> other;
    bool is_named = false;
    for (const std::uint64_t number : copies_.at(first)) {
      if (distrusted.contains(number)) continue;
      if (set.contains(number)) out.add(number);
      is_named |= set.contains(number);
      if (!other) other = number;
    }
    if (!is_named && other) out.add(*other);
    is_complete &= other.has_value();
  });
  return is_complete ? std::optional(std::move(out)) : std::nullopt;
}

SetComparison ManifestNeeds::compare(const SnapshotState& snapshot, const ReferenceSet& set) {
  const SnapshotBody body = get_body(repository_.journal(), keys_, snapshot);
  Needs needs;
  if (add_block(needs, body.root)) needs.add(*of_node(body.root, 0));
  const NumberSet numbers = numbers_of_set(set, snapshot.taken);
  const NumberSet all = all_of(needs.several);
  SetComparison out{.needed = numbers};
  out.needed.unite(needs.single);
  out.needed.unite(all);
  const NumberSet& distrusted = distrusted_by(snapshot.author);
  std::optional<NumberSet> proper = choose(needs.several, numbers, distrusted);
  if (needs.lost > 0 || !proper || intersects(needs.single, distrusted)) return out;
  proper->unite(needs.single);
  NumberSet unneeded = numbers;
  unneeded.subtract(needs.single);
  unneeded.subtract(all);
  out.is_equal = contains_all(numbers, *proper) && unneeded.empty();
  if (out.is_equal) return out;
  out.proper = as_reference_set(*proper, snapshot.taken.numbers);
  out.proper->statistics = set.statistics;
  return out;
}

}  // namespace kist
