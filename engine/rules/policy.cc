#include "engine/rules/policy.h"

namespace kist {

const Policy& policy_in_force(const State& state) {
  const auto found = state.policies.find(state.genesis.policy.name);
  KIST_ENSURE(found != state.policies.end());
  return found->second;
}

void fix_retention(SnapshotTaken& taken, const Policy& policy) {
  taken.policy = policy.name;
  taken.minimum_seconds = taken.is_pending ? 0 : policy.minimum_seconds;
  taken.maximum_seconds = taken.is_pending ? 0 : policy.maximum_seconds;
  taken.lock = taken.is_pending ? LockMode::governance : policy.lock;
}

bool has_retention_of(const SnapshotTaken& taken, const Policy& policy) {
  SnapshotTaken due{.is_pending = taken.is_pending};
  fix_retention(due, policy);
  return taken.minimum_seconds == due.minimum_seconds &&
         taken.maximum_seconds == due.maximum_seconds && taken.lock == due.lock;
}

}  // namespace kist
