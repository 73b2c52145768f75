#include <algorithm>

#include "engine/rules/acts/act_rules.h"
#include "engine/rules/acts/introductions.h"
#include "engine/rules/validate.h"

namespace kist {

std::optional<Capabilities> capability_for(const DeadCondemned& /*act*/) {
  return can_maintain;
}

MaybeViolation check_act(const State& state,
                         const DeadCondemned& condemned,
                         const JournalEntry& /*entry*/) {
  const std::vector<ObjectHash>& segments = condemned.segments;
  if (segments.size() <= dead_segments_max && are_current_in_order(state, segments)) {
    return std::nullopt;
  }
  return Violation{99, "index segments that are too many, not in order or not current"};
}

void apply_act(State& state, const DeadCondemned& condemned, const JournalEntry& entry) {
  std::map<ObjectHash, Condemnation> before = std::exchange(state.dead, {});
  for (const ObjectHash& segment : condemned.segments) {
    const auto found = before.find(segment);
    const Condemnation now{entry.author, entry.sequence, entry.time_ms};
    state.dead.emplace(segment, found == before.end() ? now : found->second);
  }
}

}  // namespace kist
