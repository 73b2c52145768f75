#include <algorithm>

#include "engine/rules/acts/act_rules.h"

namespace kist {

namespace {

bool is_assigned(const State& state, const std::string& policy) {
  const auto has_it = [&](const auto& row) { return row.second.policy == policy; };
  return std::ranges::any_of(state.sources, has_it) || std::ranges::any_of(state.slots, has_it);
}

bool is_proposed(const State& state, const std::string& policy) {
  return std::ranges::any_of(state.proposals, [&](const Proposal& proposal) {
    const auto* set = std::get_if<PolicySet>(&proposal.act);
    const auto* assigned = std::get_if<PolicyAssigned>(&proposal.act);
    return (set != nullptr && set->policy.name == policy) ||
           (assigned != nullptr && assigned->policy == policy);
  });
}

}  // namespace

std::optional<Capabilities> capability_for(const PolicyRemoved& /*act*/) {
  return can_own;
}

MaybeViolation check_act(const State& state,
                         const PolicyRemoved& removed,
                         const JournalEntry& /*entry*/) {
  const bool may_go = state.policies.contains(removed.policy) &&
                      removed.policy != state.genesis.policy.name &&
                      !is_assigned(state, removed.policy) && !is_proposed(state, removed.policy);
  if (may_go) return std::nullopt;
  return Violation{67, "a policy that is not there, or in use"};
}

void apply_act(State& state, const PolicyRemoved& removed, const JournalEntry& /*entry*/) {
  state.policies.erase(removed.policy);
}

}  // namespace kist
