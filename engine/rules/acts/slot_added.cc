#include "engine/rules/acts/act_rules.h"
#include "engine/rules/acts/introductions.h"

namespace kist {

std::optional<Capabilities> capability_for(const SlotAdded& /*act*/) {
  return can_own;
}

MaybeViolation check_act(const State& state,
                         const SlotAdded& added,
                         const JournalEntry& /*entry*/) {
  const bool is_recipient = added.slot.kind == SlotKind::recipient;
  const bool has_object = added.slot.slot_object != ObjectHash{};
  if (is_recipient && has_object) {
    return Violation{18, "a recipient with a slot object that it has not made"};
  }
  if (!is_recipient && !has_object) return Violation{19, "a slot without its object"};
  return check_introduction(state, added.slot);
}

void apply_act(State& state, const SlotAdded& added, const JournalEntry& entry) {
  add_slot(state, added.slot, entry);
}

}  // namespace kist
