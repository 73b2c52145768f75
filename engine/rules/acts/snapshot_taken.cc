#include <algorithm>
#include <set>

#include "engine/rules/acts/act_rules.h"
#include "engine/rules/acts/introductions.h"
#include "engine/rules/clock.h"
#include "engine/rules/policy.h"
#include "engine/rules/retention.h"
#include "engine/rules/validate.h"

namespace kist {

namespace {

// A source belongs to whom it belongs to; a new one to whoever uses it first.
MaybeViolation check_source(const State& state, const std::string& name, const SlotId& author) {
  const auto source = state.sources.find(name);
  const bool is_free = source == state.sources.end() || source->second.slot == SlotId{};
  if (!is_free && source->second.slot != author) {
    return Violation{24, "a source that belongs to another slot"};
  }
  if (!is_free) return std::nullopt;
  const auto used = std::ranges::count_if(state.sources, [&](const auto& row) {
    return row.second.slot == author && !row.second.is_bound;
  });
  if (static_cast<std::size_t>(used) < used_sources_max && !name.empty()) return std::nullopt;
  return Violation{63, "a source without a name, or more than a slot may begin"};
}

// The series that the next snapshot of a source is in. Whoever only uses a free name begins one.
std::uint64_t next_series(State& state, const std::string& name, const JournalEntry& entry) {
  SourceState& source = state.sources[name];
  const bool is_free = source.slot == SlotId{};
  if (is_free) source.slot = entry.author;
  if (is_free || source.next_series == 0) source.next_series = entry.sequence;
  if (source.series == 0) source.series = source.next_series;
  source.is_ended = false;
  return source.next_series;
}

// The policy, the source, and the pending snapshot that this one replaces.
MaybeViolation check_terms(const State& state,
                           const SnapshotTaken& taken,
                           const JournalEntry& entry) {
  const Policy& policy = policy_of(state, taken.source, entry.author);
  if (taken.policy != (taken.is_pending ? std::string() : policy.name)) {
    return Violation{22, "a policy that is not its source's"};
  }
  if (!has_retention_of(taken, policy)) {
    return Violation{23, "a retention that is not the policy's"};
  }
  if (auto violation = check_source(state, taken.source, entry.author)) return violation;
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
  for (const SegmentIntroduction& segment : taken.segments) {
    state.segments.put(segment.index_segment,
                       SegmentState{entry.author, entry.sequence, taken.numbers, true});
  }
  state.next_number += taken.numbers.count();
  for (const ObjectHash& name : taken.key_segments) {
    state.key_segments.put(name, entry.author);
  }
  SnapshotState snapshot;
  snapshot.taken = taken;
  snapshot.set = {.hash = taken.reference_set, .author = entry.author, .sequence = entry.sequence};
  snapshot.author = entry.author;
  snapshot.sequence = entry.sequence;
  snapshot.time_ms = entry.time_ms;
  snapshot.series = next_series(state, taken.source, entry);
  snapshot.counts_from_ms = age_start_ms(state, entry, taken.started_ms);
  state.snapshots.put(taken.snapshot, std::move(snapshot));
}

}  // namespace kist
