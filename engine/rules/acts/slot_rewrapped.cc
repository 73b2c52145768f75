#include "engine/rules/acts/act_rules.h"

namespace kist {

std::optional<Capabilities> capability_for(const SlotRewrapped& /*act*/) {
  return std::nullopt;
}

MaybeViolation check_act(const State& state,
                         const SlotRewrapped& rewrapped,
                         const JournalEntry& entry) {
  if (rewrapped.generation <= state.slots.at(entry.author).generation) {
    return Violation{34, "a generation that is not newer"};
  }
  if (rewrapped.kind != SlotKind::passphrase && rewrapped.kind != SlotKind::key_file) {
    return Violation{35, "a kind that wraps nothing"};
  }
  return std::nullopt;
}

void apply_act(State& state, const SlotRewrapped& rewrapped, const JournalEntry& entry) {
  SlotState& slot = state.slots.at(entry.author);
  slot.generation = rewrapped.generation;
  slot.kind = rewrapped.kind;
  slot.slot_object = rewrapped.slot_object;
}

}  // namespace kist
