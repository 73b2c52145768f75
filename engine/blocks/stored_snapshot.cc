#include "engine/blocks/stored_snapshot.h"

#include "engine/rules/policy.h"

namespace kist {

SnapshotTaken snapshot_entry(const StoredSnapshot& stored,
                             const State& state,
                             const std::string& source,
                             const SlotId& author) {
  SnapshotTaken taken;
  taken.is_pending = stored.is_pending;
  taken.source = source;
  fix_retention(taken, policy_of(state, source, author));
  taken.started_ms = stored.started_ms;
  taken.is_partial = stored.statistics.problems > 0;
  taken.body = stored.body;
  taken.reference_set = stored.reference_set;
  taken.key_segments = stored.key_segments;
  taken.numbers = stored.numbers;
  taken.numbers.first_number = state.next_number;
  taken.segments = stored.segments;
  return taken;
}

}  // namespace kist
