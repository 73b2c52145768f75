#include "engine/ops/epoch/live_numbers.h"

#include <algorithm>
#include <functional>

#include "engine/base/attempt.h"
#include "engine/blocks/pack_ranges.h"
#include "engine/blocks/snapshot_inspector.h"
#include "engine/journal/journal.h"
#include "engine/repository/reindex.h"
#include "engine/repository/set_prover.h"
#include "engine/rules/clock.h"
#include "engine/rules/retention.h"
#include "engine/rules/validate.h"

namespace kist {

namespace {

std::string name_of(const SnapshotState& snapshot) {
  return concat("snapshot ", hex(snapshot.taken.snapshot).substr(0, 10), " of ",
                snapshot.taken.source);
}

bool is_in(const std::vector<SnapshotId>& ascending, const SnapshotState& snapshot) {
  return std::ranges::binary_search(ascending, snapshot.taken.snapshot);
}

[[noreturn]] void fail_unread(const SnapshotState& snapshot,
                              std::string_view what,
                              const Error& why) {
  throw Error(Code::corrupt,
              concat("what ", name_of(snapshot), " needs is not known, for ", what,
                     " cannot be read: ", why.text(),
                     "; nothing was removed. kist verify --level content --repair mends what can "
                     "be mended, and says what is lost"));
}

}  // namespace

std::vector<SnapshotId> find_ending(const Repository& repository) {
  const State& state = repository.state();
  const SlotId& slot = repository.keyring().slot();
  const Stamp stamp = stamp_of(state, slot, repository.services().clock.now_ms());
  std::vector<SnapshotId> out;
  if (stamp.is_doubted) return out;
  const RetentionJudge law(state, slot, stamp.time_ms);
  for (const SnapshotPtr& snapshot : state.live_snapshots()) {
    const bool may_end = snapshot->is_retired() && !law.is_held(*snapshot) &&
                         law.is_minimum_over(*snapshot) && law.is_grace_over(*snapshot);
    if (may_end) out.push_back(snapshot->taken.snapshot);
  }
  std::ranges::sort(out);
  if (out.size() > ended_parts_max) out.resize(ended_parts_max);
  return out;
}

namespace {

std::pair<SnapshotId, ObjectHash> set_of(const SnapshotState& snapshot) {
  return {snapshot.taken.snapshot, snapshot.set.hash};
}

}  // namespace

NumberSet KnownSets::unlisted() const {
  const BlockIndex::Reader index(repository_.blocks().index());
  NumberSet out;
  for (const NumberRange& range : find_given_up_numbers(repository_.state(), index)) {
    out.add_range(range.first, range.end - range.first);
  }
  return out;
}

// A proof says what was so when it was made: a set that names what nobody lists any more is to be
// compared again.
bool KnownSets::is_proved(SnapshotNumbers& numbers, const SnapshotState& snapshot) {
  if (right_.contains(set_of(snapshot))) return true;
  const State& state = repository_.state();
  if (state.proof_by(snapshot.set.proved_by) < SetProof::by_maintain) return false;
  std::optional<NumberSet> its = numbers.of(snapshot);
  if (!its) return false;
  its->intersect(unlisted_);
  if (!its->empty()) return false;
  right_.insert(set_of(snapshot));
  return true;
}

// It names nothing that anybody could restore.
bool KnownSets::opens_for_nobody(const SnapshotState& snapshot) const {
  const ReadKeys keys = repository_.read_keys();
  return inspect_snapshot(repository_.journal(), &keys, snapshot).openness == Openness::invalid;
}

std::uint64_t KnownSets::prove(const std::vector<SnapshotId>& ending) {
  BlockIndex& index = repository_.blocks().complete_index();
  SetProver prover(repository_);
  const std::uint64_t replaced = judge_all(index, ending, prover);
  prover.commit();
  return replaced;
}

std::uint64_t KnownSets::judge_all(BlockIndex& index,
                                   const std::vector<SnapshotId>& ending,
                                   SetProver& prover) {
  const State& state = repository_.state();
  SnapshotOpener opener(repository_.journal());
  if (state.given_up != given_up_) right_.clear();
  given_up_ = state.given_up;
  unlisted_ = unlisted();
  SnapshotNumbers numbers(repository_.blocks());
  ManifestNeeds manifests(repository_, index);
  std::uint64_t replaced = 0;
  std::uint64_t count = 0;
  const std::vector<SnapshotPtr> snapshots = state.live_snapshots();
  for (const SnapshotPtr& snapshot : snapshots) {
    ++count;
    const bool is_due =
        !snapshot->taken.is_pending && !is_in(ending, *snapshot) && !is_proved(numbers, *snapshot);
    if (!is_due) continue;
    check_cancelled(repository_.observer());
    repository_.observer().progress({.files_done = count,
                                     .files_total = snapshots.size(),
                                     .current = "the reference set of " + name_of(*snapshot)});
    ReferenceSet set;
    const auto damage = damage_of([&] {
      set = opener.reference_set(*snapshot);
      require_in_range(state, *snapshot, set);
    });
    if (damage && opens_for_nobody(*snapshot)) continue;
    if (damage) fail_unread(*snapshot, "its reference set", *damage);
    SetComparison found;
    const auto loss = damage_of([&] { found = manifests.compare(*snapshot, set); });
    if (loss && opens_for_nobody(*snapshot)) continue;
    if (loss) fail_unread(*snapshot, "its manifest", *loss);
    if (found.is_equal) {
      right_.insert(set_of(*snapshot));
      prover.note_equal(*snapshot);
    } else if (found.proper) {
      repository_.observer().notice(concat("the reference set of ", name_of(*snapshot),
                                           " is not what its manifest needs: it is replaced"));
      prover.replace(*snapshot, *found.proper);
      ++replaced;
    } else {
      unproved_.insert_or_assign(set_of(*snapshot), std::move(found.needed));
    }
  }
  numbers.keep();
  return replaced;
}

bool KnownSets::is_known(const SnapshotState& snapshot) {
  const State& state = repository_.state();
  if (state.given_up != given_up_) return false;  // sets may name what nobody lists since
  if (snapshot.taken.is_pending || unproved_.contains(set_of(snapshot))) return true;
  {
    SnapshotNumbers numbers(repository_.blocks());
    if (is_proved(numbers, snapshot)) return true;
  }
  bool is_equal = false;
  const auto damage = damage_of([&] {
    const ReferenceSet set = get_reference_set(repository_.journal(), snapshot);
    require_in_range(state, snapshot, set);
    ManifestNeeds manifests(repository_, repository_.blocks().index());
    is_equal = manifests.compare(snapshot, set).is_equal;
  });
  if (damage) return opens_for_nobody(snapshot);
  if (is_equal) right_.insert(set_of(snapshot));
  return is_equal;
}

NumberSet KnownSets::needed_by(SnapshotNumbers& numbers, const SnapshotState& snapshot) {
  const auto unproved = unproved_.find(set_of(snapshot));
  if (unproved != unproved_.end()) return unproved->second;
  std::optional<NumberSet> found = numbers.of(snapshot);
  if (found) return std::move(*found);
  if (opens_for_nobody(snapshot)) return {};
  fail_unread(snapshot, "its reference set", Error(Code::corrupt, "it is damaged or missing"));
}

namespace {

void for_each_live_block(const IndexedPack& pack,
                         const NumberSet& live,
                         const std::function<void(const BlockTag&)>& each) {
  for (const IndexedFrame& frame : pack.frames) {
    for (std::size_t i = 0; i < frame.blocks.size(); ++i) {
      const bool is_live = std::ranges::any_of(
          frame.numbers[i], [&](std::uint64_t number) { return live.contains(number); });
      if (is_live) each(frame.blocks[i].tag);
    }
  }
}

}  // namespace

// What the journal says, and what this machine has found.
std::set<ObjectHash> KnownSets::damaged_packs() const {
  std::set<ObjectHash> out = repository_.state().condemned_packs();
  for (const auto& [pack, problem] : repository_.local().damage().packs()) {
    out.insert(pack);
  }
  return out;
}

// While a live number lies in a condemned pack, another copy of its block is needed as well:
// nobody may name it, and yet it may be the last one.
void KnownSets::add_kept_copies(NumberSet& live) const {
  const BlockIndex::Reader index(repository_.blocks().index());
  std::set<ObjectHash> segments;
  const std::set<ObjectHash> damaged = damaged_packs();
  for (const ObjectHash& pack : damaged) {
    if (const auto number = index.find_pack(pack)) segments.insert(index.pack(*number).segment);
  }
  NumberSet kept;
  const auto add_copies_of = [&](const BlockTag& tag) {
    index.for_each_copy(tag, [&](const BlockLocation& copy) {
      kept.add(copy.number);
      return true;
    });
  };
  for (const ObjectHash& name : segments) {
    const NumberedSegment numbered = get_numbered_segment(repository_, index, name);
    for (const IndexedPack& pack : numbered.segment.packs) {
      if (damaged.contains(pack.hash)) for_each_live_block(pack, live, add_copies_of);
    }
  }
  live.unite(kept);
}

NumberSet KnownSets::live(const std::vector<SnapshotId>& ending) {
  NumberSet out;
  {
    SnapshotNumbers numbers(repository_.blocks());
    for (const SnapshotPtr& snapshot : repository_.state().live_snapshots()) {
      if (!is_in(ending, *snapshot)) out.unite(needed_by(numbers, *snapshot));
    }
    numbers.keep();
  }
  add_kept_copies(out);
  return out;
}

}  // namespace kist
