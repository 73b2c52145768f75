#include "engine/rules/acts/act_rules.h"
#include "engine/rules/clock.h"
#include "engine/rules/retention.h"

namespace kist {

std::optional<Capabilities> capability_for(const MinimumsShortened& /*act*/) {
  return can_own;
}

MaybeViolation check_act(const State& state,
                         const MinimumsShortened& shortened,
                         const JournalEntry& /*entry*/) {
  if (auto violation = check_snapshots(shortened.snapshots)) return violation;
  if (shortened.reason.empty()) return Violation{79, "a minimum is shortened without a reason"};
  for (const SnapshotId& id : shortened.snapshots) {
    const std::optional<SnapshotState> snapshot = state.snapshots.find(id);
    if (!snapshot || snapshot->taken.is_pending) {
      return Violation{80, "a snapshot that is not there, or pending"};
    }
    const RetentionTerms terms = terms_of(state, *snapshot);
    if (terms.lock == LockMode::compliance) {
      return Violation{81, "a minimum that compliance has locked"};
    }
    const bool is_shorter =
        seconds_after(snapshot->counts_from_ms, shortened.minimum_seconds) < terms.minimum_ms;
    if (!is_shorter) return Violation{82, "a minimum that is not shorter than before"};
  }
  return std::nullopt;
}

void apply_act(State& state, const MinimumsShortened& shortened, const JournalEntry& entry) {
  for (const SnapshotId& id : shortened.snapshots) {
    SnapshotState snapshot = state.snapshots.at(id);
    snapshot.shortened_by = entry.sequence;
    snapshot.shortened_seconds = shortened.minimum_seconds;
    state.snapshots.put(id, std::move(snapshot));
  }
}

}  // namespace kist
