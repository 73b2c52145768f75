#include "engine/rules/acts/act_rules.h"
#include "engine/rules/acts/introductions.h"
#include "engine/rules/validate.h"

namespace kist {

std::optional<Capabilities> capability_for(const UnnamedCondemned& /*act*/) {
  return can_maintain;
}

MaybeViolation check_act(const State& /*state*/,
                         const UnnamedCondemned& condemned,
                         const JournalEntry& /*entry*/) {
  if (condemned.names.size() <= ended_parts_max && ascend(condemned.names)) return std::nullopt;
  return Violation{100, "names of objects that are too many or not in order"};
}

void apply_act(State& state, const UnnamedCondemned& condemned, const JournalEntry& entry) {
  const std::map<ObjectHash, Condemnation> before = state.unnamed.all();
  state.unnamed.clear();
  for (const ObjectHash& name : condemned.names) {
    const auto found = before.find(name);
    const Condemnation now{entry.author, entry.sequence, entry.time_ms};
    state.unnamed.put(name, found == before.end() ? now : found->second);
  }
}

}  // namespace kist
