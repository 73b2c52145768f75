#include "engine/rules/policy.h"

namespace kist {

const Policy& policy_in_force(const State& state) {
  const auto found = state.policies.find(state.genesis.policy.name);
  KIST_ENSURE(found != state.policies.end());
  return found->second;
}

void fix_retention(SnapshotTaken& taken, const Policy& policy) {
  taken.policy = policy.name;
  taken.minimum_seconds = policy.minimum_seconds;
  taken.maximum_seconds = policy.maximum_seconds;
  taken.lock = policy.lock;
}

bool has_retention_of(const SnapshotTaken& taken, const Policy& policy) {
  return taken.minimum_seconds == policy.minimum_seconds &&
         taken.maximum_seconds == policy.maximum_seconds && taken.lock == policy.lock;
}

}  // namespace kist
