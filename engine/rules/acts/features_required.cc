#include "engine/rules/acts/act_rules.h"
#include "engine/rules/features.h"

namespace kist {

std::optional<Capabilities> capability_for(const FeaturesRequired& /*act*/) {
  return can_own;
}

MaybeViolation check_act(const State& state,
                         const FeaturesRequired& required,
                         const JournalEntry& /*entry*/) {
  if (required.features.empty()) return Violation{48, "no feature"};
  return check_features(state, required.features);
}

void apply_act(State& state, const FeaturesRequired& required, const JournalEntry& /*entry*/) {
  state.features.insert(required.features.begin(), required.features.end());
}

}  // namespace kist
