#include "engine/rules/acts/act_rules.h"
#include "engine/rules/policy.h"
#include "engine/rules/proposals.h"

namespace kist {

namespace {

bool is_subject(const State& state, const PolicyAssigned& assigned) {
  if (const auto* source = std::get_if<std::string>(&assigned.subject)) return !source->empty();
  const auto slot = state.slots.find(std::get<SlotId>(assigned.subject));
  return slot != state.slots.end() && !slot->second.is_revoked;
}

}  // namespace

std::optional<Capabilities> capability_for(const PolicyAssigned& /*act*/) {
  return can_own;
}

MaybeViolation check_act(const State& state,
                         const PolicyAssigned& assigned,
                         const JournalEntry& /*entry*/) {
  if (!assigned.policy.empty() && !state.policies.contains(assigned.policy)) {
    return Violation{68, "a policy that does not exist is assigned"};
  }
  if (!is_subject(state, assigned)) {
    return Violation{69, "a policy is assigned to nothing, or to a slot that is none"};
  }
  const Policy& policy = policy_if_assigned(state, assigned);
  const Policy& before = policy_of_subject(state, assigned);
  if (auto violation = check_reason(policy, before, assigned.reason)) return violation;
  return check_proposals(state, assigned);
}

void apply_act(State& state, const PolicyAssigned& assigned, const JournalEntry& entry) {
  enact(state, assigned, entry);
}

}  // namespace kist
