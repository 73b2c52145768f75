#include <algorithm>

#include "engine/rules/acts/act_rules.h"

namespace kist {

std::optional<Capabilities> capability_for(const ProposalCancelled& /*act*/) {
  return can_own;
}

MaybeViolation check_act(const State& state,
                         const ProposalCancelled& cancelled,
                         const JournalEntry& /*entry*/) {
  const auto found = std::ranges::find(state.proposals, cancelled.sequence, &Proposal::sequence);
  if (found == state.proposals.end()) return Violation{91, "no proposal that waits"};
  return std::nullopt;
}

void apply_act(State& state, const ProposalCancelled& cancelled, const JournalEntry& /*entry*/) {
  std::erase_if(state.proposals,
                [&](const Proposal& proposal) { return proposal.sequence == cancelled.sequence; });
}

}  // namespace kist
