#include <algorithm>

#include "engine/rules/acts/act_rules.h"
#include "engine/rules/retention.h"

namespace kist {

std::optional<Capabilities> capability_for(const SnapshotsUnretired& /*act*/) {
  return can_maintain;
}

MaybeViolation check_act(const State& state,
                         const SnapshotsUnretired& unretired,
                         const JournalEntry& /*entry*/) {
  if (auto violation = check_snapshots(unretired.snapshots)) return violation;
  const bool are_retired = std::ranges::all_of(unretired.snapshots, [&](const SnapshotId& id) {
    const std::optional<SnapshotState> snapshot = state.snapshots.find(id);
    return snapshot && snapshot->is_retired() && !snapshot->has_ended();
  });
  if (!are_retired) return Violation{83, "a snapshot that is not retired, or has ended"};
  return std::nullopt;
}

void apply_act(State& state, const SnapshotsUnretired& unretired, const JournalEntry& /*entry*/) {
  for (const SnapshotId& id : unretired.snapshots) {
    SnapshotState snapshot = state.snapshots.at(id);
    snapshot.retired = {};
    snapshot.kept_until_ms = unretired.keep_until_ms;
    const bool is_pending = snapshot.taken.is_pending && snapshot.is_live;
    if (is_pending) state.pending.insert(id);
    state.snapshots.put(id, std::move(snapshot));
  }
}

}  // namespace kist
