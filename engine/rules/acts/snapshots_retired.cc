#include <algorithm>

#include "engine/rules/acts/act_rules.h"
#include "engine/rules/acts/introductions.h"
#include "engine/rules/clock.h"
#include "engine/rules/retention.h"

namespace kist {

namespace {

std::vector<SnapshotId> named_by(const SnapshotsRetired& retired) {
  std::vector<SnapshotId> out;
  for (const RetiredSnapshot& each : retired.snapshots) {
    out.push_back(each.snapshot);
  }
  return out;
}

MaybeViolation judge(const State& state, const RetentionJudge& law, const SnapshotId& id) {
  const std::optional<SnapshotState> snapshot = state.snapshots.find(id);
  if (!snapshot || !snapshot->is_live || snapshot->is_retired()) {
    return Violation{75, "a snapshot that is not there, or retired already"};
  }
  if (law.is_held(*snapshot)) return Violation{76, "a snapshot that is held"};
  if (law.is_minimum_over(*snapshot)) return std::nullopt;
  return Violation{77, "a snapshot whose minimum is not over"};
}

}  // namespace

std::optional<Capabilities> capability_for(const SnapshotsRetired& /*act*/) {
  return can_maintain;
}

MaybeViolation check_act(const State& state,
                         const SnapshotsRetired& retired,
                         const JournalEntry& entry) {
  if (entry.is_time_doubted) return Violation{73, "a retirement whose author doubts its time"};
  if (auto violation = check_snapshots(named_by(retired))) return violation;
  const RetentionJudge law(state, entry.author, entry.time_ms);
  for (const RetiredSnapshot& each : retired.snapshots) {
    if (auto violation = judge(state, law, each.snapshot)) return violation;
  }
  const bool calls_junk = std::ranges::any_of(retired.snapshots, [](const RetiredSnapshot& each) {
    return each.cause == RetireCause::junk;
  });
  if (calls_junk && !has_own(state, entry.author)) {
    return Violation{78, "junk by the word of a slot that is no owner"};
  }
  return std::nullopt;
}

void apply_act(State& state, const SnapshotsRetired& retired, const JournalEntry& entry) {
  const std::int64_t time_ms =
      retention_time_ms(state, entry.author, LockMode::governance, entry.time_ms);
  for (const RetiredSnapshot& each : retired.snapshots) {
    SnapshotState snapshot = state.snapshots.at(each.snapshot);
    const Policy& policy = policy_of(state, snapshot.taken.source, snapshot.author);
    snapshot.retired = {.sequence = entry.sequence,
                        .cause = each.cause,
                        .time_ms = time_ms,
                        .grace_seconds = policy.grace_seconds};
    snapshot.kept_until_ms = 0;
    state.pending.erase(each.snapshot);
    state.snapshots.put(each.snapshot, std::move(snapshot));
  }
}

}  // namespace kist
