#include <algorithm>

#include "engine/rules/acts/act_rules.h"
#include "engine/rules/proposals.h"

namespace kist {

namespace {

// Whether each policy, in force or proposed, fits under that ceiling.
bool is_high_enough(const State& state, std::uint64_t seconds) {
  const auto fits = [&](const Policy& policy) { return policy.minimum_seconds <= seconds; };
  return std::ranges::all_of(state.policies, [&](const auto& row) { return fits(row.second); }) &&
         std::ranges::all_of(state.proposals, [&](const Proposal& proposal) {
           const auto* set = std::get_if<PolicySet>(&proposal.act);
           return set == nullptr || fits(set->policy);
         });
}

bool asks_for_approvals(const State& state) {
  return std::ranges::any_of(state.policies,
                             [](const auto& row) { return row.second.approvals > 1; });
}

}  // namespace

std::optional<Capabilities> capability_for(const CeilingSet& /*act*/) {
  return can_own;
}

MaybeViolation check_act(const State& state,
                         const CeilingSet& ceiling,
                         const JournalEntry& /*entry*/) {
  if (!is_high_enough(state, ceiling.seconds)) {
    return Violation{88, "a ceiling below the minimum of a policy"};
  }
  if (ceiling.seconds > state.ceiling_seconds && asks_for_approvals(state)) {
    return Violation{89, "a higher ceiling, where a policy asks for approvals"};
  }
  return check_proposals(state, ceiling);
}

void apply_act(State& state, const CeilingSet& ceiling, const JournalEntry& entry) {
  enact(state, ceiling, entry);
}

}  // namespace kist
