#include "engine/blocks/stored_snapshot.h"

namespace kist {

const Policy& policy_in_force(const State& state) {
  return state.policies.at("default");
}

SnapshotTaken snapshot_entry(const StoredSnapshot& stored, const State& state) {
  const Policy& policy = policy_in_force(state);
  SnapshotTaken taken;
  taken.policy = policy.name;
  taken.minimum = policy.minimum;
  taken.maximum = policy.maximum;
  taken.lock = policy.lock;
  taken.body = stored.body;
  taken.reference_set = stored.reference_set;
  taken.key_segments = stored.key_segments;
  taken.segments = stored.segments;
  for (SegmentIntroduction& segment : taken.segments) {
    segment.first_number += state.next_number;
  }
  return taken;
}

}  // namespace kist
