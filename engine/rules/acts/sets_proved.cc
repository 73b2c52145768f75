#include <algorithm>
#include <set>

#include "engine/rules/acts/act_rules.h"
#include "engine/rules/acts/introductions.h"
#include "engine/rules/validate.h"

namespace kist {

namespace {

// All snapshots that the act names, each once.
bool are_in_order(const SetsProved& proved) {
  const auto snapshot_of = [](const ReplacedSet& each) { return each.judged.snapshot; };
  const std::size_t count = proved.equal.size() + proved.replaced.size();
  if (count == 0 || count > entry_sets_max) return false;
  const bool ascend = std::ranges::adjacent_find(proved.equal, std::ranges::greater_equal(),
                                                 &JudgedSet::snapshot) == proved.equal.end() &&
                      std::ranges::adjacent_find(proved.replaced, std::ranges::greater_equal(),
                                                 snapshot_of) == proved.replaced.end();
  return ascend && std::ranges::none_of(proved.replaced, [&](const ReplacedSet& each) {
           return std::ranges::binary_search(proved.equal, each.judged.snapshot, {},
                                             &JudgedSet::snapshot);
         });
}

bool is_current(const State& state, const JudgedSet& judged) {
  const std::optional<SnapshotState> snapshot = state.snapshots.find(judged.snapshot);
  return snapshot && snapshot->is_live && !snapshot->taken.is_pending &&
         snapshot->set.hash == judged.set;
}

bool are_current(const State& state, const SetsProved& proved) {
  return std::ranges::all_of(proved.equal,
                             [&](const JudgedSet& judged) { return is_current(state, judged); }) &&
         std::ranges::all_of(proved.replaced, [&](const ReplacedSet& each) {
           return is_current(state, each.judged);
         });
}

// Each is another set than the one that it replaces, and no two are one.
bool are_new(const std::vector<ReplacedSet>& replaced) {
  std::set<ObjectHash> seen;
  return std::ranges::all_of(replaced, [&](const ReplacedSet& each) {
    return each.replacement != each.judged.set && seen.insert(each.replacement).second;
  });
}

}  // namespace

std::optional<Capabilities> capability_for(const SetsProved& /*act*/) {
  return can_read;
}

MaybeViolation check_act(const State& state, const SetsProved& proved, const JournalEntry& entry) {
  if (!are_in_order(proved)) {
    return Violation{59, "snapshots that are none, too many or not in order"};
  }
  if (!are_current(state, proved)) {
    return Violation{60, "a set that is not that of a finished snapshot, or one that has ended"};
  }
  if (!proved.replaced.empty() && !has_maintain(state, entry.author)) {
    return Violation{61, "sets that are replaced without the capability maintain"};
  }
  const std::size_t key_segments = proved.replaced.empty() ? 0 : 1;
  if (!are_new(proved.replaced) || proved.key_segments.size() != key_segments) {
    return Violation{62, "sets that replace others, and are not new or have no key segment"};
  }
  return check_key_segments(state, proved.key_segments);
}

void apply_act(State& state, const SetsProved& proved, const JournalEntry& entry) {
  for (const JudgedSet& judged : proved.equal) {
    SnapshotState snapshot = state.snapshots.at(judged.snapshot);
    if (state.proof_by(snapshot.set.proved_by) >= state.proof_by(entry.author)) continue;
    snapshot.set.proved_by = entry.author;
    state.snapshots.put(judged.snapshot, std::move(snapshot));
  }
  for (const ReplacedSet& each : proved.replaced) {
    SnapshotState snapshot = state.snapshots.at(each.judged.snapshot);
    note_incident(state, {.sequence = entry.sequence,
                          .author = snapshot.set.author,
                          .kind = IncidentKind::sets,
                          .reason = "reference sets that were lost or wrong, and are replaced"});
    snapshot.set = {.hash = each.replacement,
                    .author = entry.author,
                    .sequence = entry.sequence,
                    .key_segments = proved.key_segments,
                    .proved_by = entry.author};
    state.snapshots.put(each.judged.snapshot, std::move(snapshot));
  }
  for (const ObjectHash& name : proved.key_segments) {
    state.key_segments.put(name, entry.author);
  }
}

}  // namespace kist
