#include <set>

#include "engine/rules/acts/act_rules.h"
#include "engine/rules/acts/introductions.h"
#include "engine/rules/validate.h"

namespace kist {

std::optional<Capabilities> capability_for(const Reindexed& /*act*/) {
  return can_maintain;
}

MaybeViolation check_act(const State& state,
                         const Reindexed& reindexed,
                         const JournalEntry& /*entry*/) {
  std::vector<ObjectHash> replaced;
  for (const ReplacedSegment& segment : reindexed.replaced) {
    replaced.push_back(segment.hash);
  }
  if (!are_current_segments(state, replaced)) {
    return Violation{56, std::string(segments_reason)};
  }
  const std::vector<ObjectHash>& segments = reindexed.segments;
  const std::set<ObjectHash> names(segments.begin(), segments.end());
  const bool are_new = std::ranges::none_of(
      names, [&](const ObjectHash& name) { return state.segments.contains(name); });
  const bool are_bounded = !names.empty() && names.size() <= entry_segments_max;
  if (!are_new || !are_bounded || names.size() < segments.size()) {
    return Violation{57, "index segments that are none, too many or not new"};
  }
  return check_key_segments(state, reindexed.key_segments);
}

// They have no numbers of their own: those that they list belong to the entries that reserved them.
void apply_act(State& state, const Reindexed& reindexed, const JournalEntry& entry) {
  for (const ReplacedSegment& segment : reindexed.replaced) {
    retire_segment(state, segment);
  }
  for (const ObjectHash& name : reindexed.segments) {
    state.segments.put(name, SegmentState{.author = entry.author, .sequence = entry.sequence});
  }
  for (const ObjectHash& name : reindexed.key_segments) {
    state.key_segments.put(name, entry.author);
  }
}

}  // namespace kist
