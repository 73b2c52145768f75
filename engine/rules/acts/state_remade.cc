#include "engine/rules/acts/act_rules.h"

namespace kist {

std::optional<Capabilities> capability_for(const StateRemade& /*act*/) {
  return std::nullopt;
}

MaybeViolation check_act(const State& /*state*/,
                         const StateRemade& /*act*/,
                         const JournalEntry& /*entry*/) {
  return std::nullopt;
}

void apply_act(State& state, const StateRemade& remade, const JournalEntry& entry) {
  state.clients.insert_or_assign({entry.author, remade.client}, entry.epoch_number);
}

}  // namespace kist
