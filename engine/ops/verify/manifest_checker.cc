#include "engine/ops/verify/manifest_checker.h"

#include <algorithm>
#include <set>

#include "engine/base/attempt.h"
#include "engine/blocks/snapshot_opener.h"
#include "engine/crypto/hash.h"
#include "engine/format/manifest_tree.h"
#include "engine/repository/snapshot_tree.h"
#include "engine/rules/policy.h"

namespace kist {

// How a block is there, from bad to good.
enum class ManifestChecker::Presence : std::uint8_t { lost, unnamed, untrusted, whole };

// What a manifest needs, looked up in one snapshot's set and in the index.
struct ManifestChecker::Needs {
  const ReferenceSet& set;
  std::uint64_t base = 0;         // of the set's relative numbers
  const TrustedNumbers& trusted;  // by the snapshot's author
  const BlockIndex::Reader& index;
};

// What was found of the blocks that an entry needs.
struct ManifestChecker::Found {
  Presence worst = Presence::whole;
  std::string problem;  // with the set itself; empty: none
};

// The best of the block's copies. Only one and the same copy that is named by the set, and whole,
// and trusted, makes the block count as there: a copy that another snapshot keeps, or that only
// its author vouches for, may be gone tomorrow.
void ManifestChecker::check_reference(const Needs& needs, const BlockId& id, Found& found) const {
  bool is_stored = false;
  bool is_named = false;
  Presence best = Presence::lost;
  needs.index.for_each_copy(tag_of(id), [&](const BlockLocation& copy) {
    is_stored = true;
    const bool names =
        needs.set.absolute.contains(copy.number) ||
        (copy.number >= needs.base && needs.set.relative.contains(copy.number - needs.base));
    is_named |= names;
    if (packs_.damaged_frames().contains({copy.pack, copy.frame})) return true;
    const bool is_trusted =
        needs.trusted.contains(copy.number) || packs_.prover().has_proved(copy.number);
    best = std::max(best, !names       ? Presence::unnamed
                          : is_trusted ? Presence::whole
                                       : Presence::untrusted);
    return best != Presence::whole;
  });
  found.worst = std::min(found.worst, best);
  if (!found.problem.empty()) return;
  if (!is_stored) {
    found.problem = concat("block ", hex(id), " is in no pack");
  } else if (!is_named) {
    found.problem = concat("block ", hex(id), " is not in the reference set");
  } else if (best == Presence::untrusted) {
    found.problem = concat("block ", hex(id),
                           ": the copy that the reference set names is another slot's, and "
                           "nobody has vouched for it");
  }
}

// The rule of the policy in force, for the author of a snapshot.
const TrustedNumbers& ManifestChecker::trusted_by(const SlotId& author) {
  const auto found = trusted_.find(author);
  if (found != trusted_.end()) return found->second;
  const Trust rule = policy_in_force(repository_.state()).dedup;
  return trusted_.emplace(author, TrustedNumbers(repository_.state(), rule, author)).first->second;
}

// What was found of the blocks that a path needs; "" is the tree itself.
void ManifestChecker::record_found(const SnapshotState& snapshot,
                                   const std::string& path,
                                   const Found& found) {
  if (!found.problem.empty()) {
    report_(concat("snapshot ", hex(snapshot.taken.snapshot)),
            concat("/", path, ": ", found.problem));
  }
  if (found.worst == Presence::whole) return;
  hurt_({snapshot.taken.snapshot, path, found.worst != Presence::lost});
}

// Every block that the manifest names is there, by check_reference(). Paths that need one which
// is not are named.
void ManifestChecker::check(const SnapshotState& snapshot) {
  const SnapshotTree tree(repository_, index_, snapshot);
  const ManifestReader& manifest = tree.manifest();
  const ReferenceSet set = get_reference_set(repository_.journal(), snapshot);
  const BlockIndex::Reader index(index_);
  const Needs needs{.set = set,
                    .base = snapshot.taken.numbers.first_number,
                    .trusted = trusted_by(snapshot.author),
                    .index = index};
  Found found;
  const auto require = [&](const BlockId& id) { check_reference(needs, id, found); };
  manifest.for_each_node(tree.root(), require);
  record_found(snapshot, "", found);
  // Each content node once: a malicious one may name the next one any number of times, and so on.
  std::set<BlockId> whole_nodes;
  std::set<BlockId> nodes;  // of this entry
  manifest.for_each(tree.root(), "", ManifestReader::Order::forward, [&](const Entry& entry) {
    check_cancelled(repository_.observer());
    found = {};
    nodes.clear();
    const auto failure = failure_of([&] {
      if (entry.xattrs_block) require(*entry.xattrs_block);
      manifest.for_each_item(
          entry.content,
          [&](const ContentItem& item) {
            check_cancelled(repository_.observer());
            if (item.type == ItemType::block) require(item.id);
          },
          [&](const BlockId& node) {
            if (whole_nodes.contains(node) || !nodes.insert(node).second) return false;
            require(node);
            return true;
          });
      if (found.worst == Presence::whole) whole_nodes.merge(nodes);
    });
    if (failure) found = {.worst = Presence::lost, .problem = failure->text()};
    record_found(snapshot, entry.path, found);
    return true;
  });
}

}  // namespace kist
