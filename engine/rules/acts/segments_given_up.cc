#include "engine/rules/acts/act_rules.h"
#include "engine/rules/acts/introductions.h"

namespace kist {

std::optional<Capabilities> capability_for(const SegmentsGivenUp& /*act*/) {
  return can_maintain;
}

MaybeViolation check_act(const State& state,
                         const SegmentsGivenUp& given_up,
                         const JournalEntry& /*entry*/) {
  if (are_current_segments(state, given_up.segments)) return std::nullopt;
  return Violation{58, std::string(segments_reason)};
}

void apply_act(State& state, const SegmentsGivenUp& given_up, const JournalEntry& /*entry*/) {
  for (const ObjectHash& segment : given_up.segments) {
    retire_segment(state, {.hash = segment});
  }
  ++state.given_up;
}

}  // namespace kist
