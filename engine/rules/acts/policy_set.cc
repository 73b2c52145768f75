#include "engine/rules/acts/act_rules.h"
#include "engine/rules/policy.h"
#include "engine/rules/proposals.h"

namespace kist {

std::optional<Capabilities> capability_for(const PolicySet& /*act*/) {
  return can_own;
}

MaybeViolation check_act(const State& state, const PolicySet& set, const JournalEntry& /*entry*/) {
  if (auto violation = check_policy(set.policy, state.ceiling_seconds)) return violation;
  const auto before = state.policies.find(set.policy.name);
  if (before == state.policies.end()) {
    if (state.policies.size() < policies_max) return std::nullopt;
    return Violation{66, "more policies than a repository may have"};
  }
  if (auto violation = check_reason(set.policy, before->second, set.reason)) return violation;
  return check_proposals(state, set);
}

void apply_act(State& state, const PolicySet& set, const JournalEntry& entry) {
  enact(state, set, entry);
}

}  // namespace kist
