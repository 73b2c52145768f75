#include "engine/rules/acts/act_rules.h"

namespace kist {

std::optional<Capabilities> capability_for(const UnknownAct& /*act*/) {
  return std::nullopt;
}

MaybeViolation check_act(const State& /*state*/,
                         const UnknownAct& /*act*/,
                         const JournalEntry& /*entry*/) {
  return Violation{10, "a type that no feature has enabled"};
}

void apply_act(State& /*state*/, const UnknownAct& /*act*/, const JournalEntry& /*entry*/) {
  KIST_ENSURE(false);  // validate() lets none pass
}

}  // namespace kist
