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

std::string SetJudgement::problem() const {
  if (is_lost) return "its reference set cannot be opened";
  if (!is_whole) return "its reference set does not name a whole copy of each block it needs";
  return concat("its reference set names ", unneeded,
                unneeded == 1 ? " block that it does not need" : " blocks that it does not need");
}

// What the run has seen of a pack.
enum class ManifestChecker::Look : std::uint8_t { none, read, whole };

// How a block is there, from bad to good.
enum class ManifestChecker::Presence : std::uint8_t { lost, unnamed, untrusted, whole };

// What a manifest needs, looked up in one snapshot's set and in the index.
struct ManifestChecker::Needs {
  const ReferenceSet& set;
  const EntryNumbers& own;        // of the snapshot's entry: the set's relative numbers
  const TrustedNumbers& trusted;  // by the snapshot's author
  const BlockIndex::Reader& index;
};

// What was found of the blocks that an entry needs.
struct ManifestChecker::Found {
  Presence worst = Presence::whole;
  std::string problem;  // with the set itself; empty: none
};

// The numbers of the manifest's blocks.
struct ManifestChecker::Tally {
  ReferenceSet named;             // by the set, whatever the copies are like
  ReferenceSet proper;            // of whole copies, which the author may rely on
  SnapshotStatistics statistics;  // as far as the manifest tells
  bool is_whole = true;           // all blocks are there as the snapshot has them
  bool is_complete = true;        // all have a number in `proper`
};

namespace {

// Whether the number was not in it.
bool add_number(NumberSet& to, std::uint64_t number) {
  if (to.contains(number)) return false;
  to.add(number);
  return true;
}

void add_number(ReferenceSet& to, const EntryNumbers& own, std::uint64_t number) {
  const bool is_own = number >= own.first_number && number - own.first_number < own.count();
  if (is_own) {
    to.relative.add(number - own.first_number);
  } else {
    to.absolute.add(number);
  }
}

std::uint64_t count_without(NumberSet all, const NumberSet& without) {
  all.subtract(without);
  return all.count();
}

}  // namespace

// The best of the block's copies. Only one and the same copy that is named by the set, and whole,
// and trusted, makes the block count as there: a copy that another snapshot keeps, or that only
// its author vouches for, may be gone tomorrow.
void ManifestChecker::check_reference(const Needs& needs,
                                      const BlockId& id,
                                      Found& found,
                                      Tally& tally) {
  bool is_stored = false;
  bool is_named = false;
  bool was_seen = false;    // all its named copies, at another place of the manifest
  bool is_vouched = false;  // one of them was read in this run
  std::optional<std::uint64_t> elsewhere;
  Presence best = Presence::lost;
  needs.index.for_each_copy(tag_of(id), [&](const BlockLocation& copy) {
    is_stored = true;
    const std::uint64_t base = needs.own.first_number;
    const bool names_absolute = needs.set.absolute.contains(copy.number);
    const bool names_relative =
        copy.number >= base && needs.set.relative.contains(copy.number - base);
    const bool names = names_absolute || names_relative;
    is_named |= names;
    if (names_absolute) was_seen |= !add_number(tally.named.absolute, copy.number);
    if (names_relative) was_seen |= !add_number(tally.named.relative, copy.number - base);
    if (packs_.damaged_frames().contains({copy.pack, copy.frame})) return true;
    const bool is_trusted =
        needs.trusted.contains(copy.number) || packs_.prover().has_proved(copy.number);
    best = std::max(best, !names       ? Presence::unnamed
                          : is_trusted ? Presence::whole
                                       : Presence::untrusted);
    const Look look = look_at(needs.index, copy.pack);
    if (is_trusted && names && look != Look::none) {
      is_vouched = true;
      add_number(tally.proper, needs.own, copy.number);
    }
    if (is_trusted && look == Look::whole && !elsewhere) elsewhere = copy.number;
    return best != Presence::whole || !was_seen;
  });
  if (!is_vouched && !(was_seen && best == Presence::whole)) {
    tally.is_whole = false;
    tally.is_complete &= elsewhere.has_value();
    if (elsewhere) add_number(tally.proper, needs.own, *elsewhere);
  }
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
  const Trust rule = default_policy(repository_.state()).dedup;
  return trusted_.emplace(author, TrustedNumbers(repository_.state(), rule, author)).first->second;
}

// What was found of the blocks that a path needs; "" is the tree itself.
void ManifestChecker::record_found(const SnapshotState& snapshot,
                                   const std::string& path,
                                   const Found& found,
                                   Telling telling) {
  const bool is_told =
      telling == Telling::all || (telling == Telling::losses && found.worst == Presence::lost);
  if (!is_told) return;
  if (!found.problem.empty()) {
    report_(concat("snapshot ", hex(snapshot.taken.snapshot)),
            concat("/", path, ": ", found.problem));
  }
  if (found.worst == Presence::whole) return;
  hurt_({snapshot.taken.snapshot, path, found.worst != Presence::lost});
}

// What entries have introduced since the packs were read was not looked at.
ManifestChecker::Look ManifestChecker::look_at(const BlockIndex::Reader& index,
                                               std::uint32_t pack) {
  const auto known = looks_.find(pack);
  if (known != looks_.end()) return known->second;
  const ObjectHash name = index.pack(pack).hash;
  const Look look = packs_.is_whole(name)   ? Look::whole
                    : packs_.has_read(name) ? Look::read
                                            : Look::none;
  return looks_.emplace(pack, look).first->second;
}

SetJudgement ManifestChecker::check(const SnapshotState& snapshot) {
  ReferenceSet set;
  const auto damage = damage_of([&] { set = get_reference_set(repository_.journal(), snapshot); });
  SetJudgement out = run(snapshot, set, damage ? Telling::losses : Telling::all);
  out.is_lost = damage.has_value();
  return out;
}

SetJudgement ManifestChecker::judge(const SnapshotState& snapshot) {
  ReferenceSet set;
  const auto damage = damage_of([&] { set = get_reference_set(repository_.journal(), snapshot); });
  SetJudgement out = run(snapshot, set, Telling::nothing);
  out.is_lost = damage.has_value();
  return out;
}

namespace {

void count(SnapshotStatistics& statistics, const Entry& entry) {
  switch (entry.type) {
    case EntryType::file:
      ++statistics.files_unmodified;
      statistics.bytes_total += entry.size;
      break;
    case EntryType::directory:
      ++statistics.directories;
      break;
    default:
      ++statistics.others;
  }
}

}  // namespace

// Every block that the manifest names is there, by check_reference(). Paths that need one which
// is not are named, as far as `telling` says.
SetJudgement ManifestChecker::run(const SnapshotState& snapshot,
                                  const ReferenceSet& set,
                                  Telling telling) {
  const SnapshotBody body = get_body(repository_.journal(), repository_.read_keys(), snapshot);
  BlockReader blocks(repository_.journal(), index_, repository_.read_keys());
  const ManifestReader manifest([&](const BlockId& id) { return blocks.get(id); });
  const BlockIndex::Reader index(index_);
  const Needs needs{.set = set,
                    .own = snapshot.taken.numbers,
                    .trusted = trusted_by(snapshot.author),
                    .index = index};
  Found found;
  Tally tally;
  const auto require = [&](const BlockId& id) { check_reference(needs, id, found, tally); };
  manifest.for_each_node(body.root, require);
  record_found(snapshot, "", found, telling);
  // Each content node once: a malicious one may name the next one any number of times, and so on.
  std::set<BlockId> whole_nodes;
  std::set<BlockId> nodes;  // of this entry
  manifest.for_each(body.root, "", ManifestReader::Order::forward, [&](const Entry& entry) {
    check_cancelled(repository_.observer());
    found = {};
    nodes.clear();
    count(tally.statistics, entry);
    const auto failure = failure_except(Code::conflict, [&] {
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
    if (failure) {
      found = {.worst = Presence::lost, .problem = failure->text()};
      tally.is_whole = tally.is_complete = false;
    }
    record_found(snapshot, entry.path, found, telling);
    return true;
  });
  SetJudgement out{.is_whole = tally.is_whole};
  if (out.is_whole) {
    out.unneeded = count_without(set.absolute, tally.named.absolute) +
                   count_without(set.relative, tally.named.relative);
  }
  if (out.is_equal() || !tally.is_complete) return out;
  const bool has_statistics = !set.absolute.empty() || !set.relative.empty();
  tally.statistics.finished_ms = snapshot.time_ms;
  tally.statistics.problems = body.problems.size();
  tally.proper.statistics = has_statistics ? set.statistics : tally.statistics;
  out.proper = std::move(tally.proper);
  return out;
}

}  // namespace kist
