#include <algorithm>

#include "engine/rules/acts/act_rules.h"
#include "engine/rules/proposals.h"

namespace kist {

std::optional<Capabilities> capability_for(const ClockReset& /*act*/) {
  return can_own;
}

MaybeViolation check_act(const State& /*state*/,
                         const ClockReset& /*reset*/,
                         const JournalEntry& entry) {
  if (entry.is_time_doubted) return Violation{49, "a reset to a time that its author doubts"};
  return std::nullopt;
}

// It only takes back: what has not come as far stays where it is.
void apply_act(State& state, const ClockReset& /*reset*/, const JournalEntry& entry) {
  for (auto& [id, slot] : state.slots) {
    slot.last_seen_ms = std::min(slot.last_seen_ms, entry.time_ms);
    slot.bound_ms = std::min(slot.bound_ms, entry.time_ms);
  }
  state.renew_times();
  take_back_times(state, entry.time_ms);
}

}  // namespace kist
