#include <algorithm>
#include <set>

#include "engine/rules/acts/act_rules.h"
#include "engine/rules/acts/introductions.h"
#include "engine/rules/policy.h"
#include "engine/rules/validate.h"

namespace kist {

namespace {

// The policy, the source, and the pending snapshot that this one replaces.
MaybeViolation check_terms(const State& state,
                           const SnapshotTaken& taken,
                           const JournalEntry& entry) {
  const auto policy = state.policies.find(taken.policy);
  if (policy == state.policies.end()) return Violation{22, "a policy that does not exist"};
  if (!has_retention_of(taken, policy->second)) {
    return Violation{23, "a retention that is not the policy's"};
  }
  const auto source = state.sources.find(taken.source);
  if (source != state.sources.end() && source->second != entry.author) {
    return Violation{24, "a source that belongs to another slot"};
  }
  if (taken.replaces == SnapshotId{}) return std::nullopt;
  const auto replaced = state.snapshots.find(taken.replaces);
  const bool fits = replaced && replaced->is_live && replaced->taken.is_pending &&
                    replaced->author == entry.author && replaced->taken.source == taken.source;
  if (!fits) return Violation{25, "it replaces what is not its own pending snapshot"};
  return std::nullopt;
}

// Of a stream that it lists nothing of, an entry reserves nothing.
bool reserves_as_due(const SnapshotTaken& taken, PackKind stream) {
  const bool has_segments = std::ranges::any_of(
      taken.segments, [&](const SegmentIntroduction& segment) { return segment.stream == stream; });
  const std::uint32_t count = taken.numbers.count_of(stream);
  return has_segments == (count > 0) && count == reserved_count(count);
}

MaybeViolation check_numbers(const State& state, const SnapshotTaken& taken) {
  if (!reserves_as_due(taken, PackKind::data) || !reserves_as_due(taken, PackKind::meta)) {
    return Violation{30, "a count of numbers that may not be reserved"};
  }
  if (taken.numbers.first_number != state.next_number) {
    return Violation{31, "block numbers that do not follow"};
  }
  if (taken.numbers.count() > entry_numbers_max) {
    return Violation{33, "more numbers than an entry may reserve"};
  }
  return std::nullopt;
}

MaybeViolation check_segments(const State& state, const SnapshotTaken& taken) {
  if (taken.segments.size() > entry_segments_max) {
    return Violation{28, "more segments than an entry may introduce"};
  }
  std::set<ObjectHash> names;
  for (const SegmentIntroduction& segment : taken.segments) {
    if (!names.insert(segment.index_segment).second) {
      return Violation{29, "the same segment twice"};
    }
    if (state.segments.contains(segment.index_segment)) {
      return Violation{32, "a segment that exists already"};
    }
  }
  return check_numbers(state, taken);
}

}  // namespace

std::optional<Capabilities> capability_for(const SnapshotTaken& /*act*/) {
  return can_write;
}

MaybeViolation check_act(const State& state,
                         const SnapshotTaken& taken,
                         const JournalEntry& entry) {
  if (taken.snapshot == SnapshotId{}) return Violation{20, "a snapshot without an id"};
  if (state.snapshots.contains(taken.snapshot)) {
    return Violation{21, "a snapshot that exists already"};
  }
  if (auto violation = check_terms(state, taken, entry)) return violation;
  if (taken.started_ms > entry.time_ms) return Violation{27, "a snapshot of the future"};
  if (auto violation = check_key_segments(state, taken.key_segments)) return violation;
  return check_segments(state, taken);
}

void apply_act(State& state, const SnapshotTaken& taken, const JournalEntry& entry) {
  if (auto replaced = state.snapshots.find(taken.replaces)) {
    replaced->is_live = false;
    state.pending.erase(taken.replaces);
    state.snapshots.put(taken.replaces, std::move(*replaced));
  }
  if (taken.is_pending) state.pending.insert(taken.snapshot);
  state.sources.emplace(taken.source, entry.author);
  for (const SegmentIntroduction& segment : taken.segments) {
    state.segments.put(segment.index_segment,
                       SegmentState{entry.author, entry.sequence, taken.numbers, true});
  }
  state.next_number += taken.numbers.count();
  for (const ObjectHash& name : taken.key_segments) {
    state.key_segments.put(name, entry.author);
  }
  state.snapshots.put(taken.snapshot, SnapshotState{.taken = taken,
                                                    .set = {.hash = taken.reference_set,
                                                            .author = entry.author,
                                                            .sequence = entry.sequence},
                                                    .author = entry.author,
                                                    .sequence = entry.sequence,
                                                    .time_ms = entry.time_ms,
                                                    .is_live = true});
}

}  // namespace kist
