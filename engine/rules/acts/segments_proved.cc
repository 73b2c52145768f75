#include <algorithm>

#include "engine/rules/acts/act_rules.h"

namespace kist {

std::optional<Capabilities> capability_for(const SegmentsProved& /*act*/) {
  return can_read;
}

MaybeViolation check_act(const State& state,
                         const SegmentsProved& proved,
                         const JournalEntry& /*entry*/) {
  const auto exists = [&](const ObjectHash& name) { return state.segments.contains(name); };
  if (!std::ranges::all_of(proved.segments, exists)) {
    return Violation{46, "a segment that does not exist"};
  }
  return std::nullopt;
}

void apply_act(State& state, const SegmentsProved& proved, const JournalEntry& /*entry*/) {
  for (const ObjectHash& name : proved.segments) {
    SegmentState segment = state.segments.at(name);
    segment.is_proved = true;
    state.segments.put(name, segment);
  }
}

}  // namespace kist
