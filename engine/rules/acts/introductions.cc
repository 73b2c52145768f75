#include "engine/rules/acts/introductions.h"

#include <set>

#include "engine/rules/retention.h"
#include "engine/rules/validate.h"

namespace kist {

bool has_maintain(const State& state, const SlotId& slot) {
  return (state.slots.at(slot).introduction.capabilities & can_maintain) != 0;
}

bool has_own(const State& state, const SlotId& slot) {
  return (state.slots.at(slot).introduction.capabilities & can_own) != 0;
}

MaybeViolation check_introduction(const State& state, const SlotIntroduction& slot) {
  if (state.slots.contains(slot.slot)) return Violation{16, "the slot exists already"};
  for (const std::string& source : slot.sources) {
    const auto found = state.sources.find(source);
    const bool is_free = found == state.sources.end() || found->second.slot == SlotId{};
    if (!is_free) return Violation{17, "a source belongs to another slot"};
  }
  return std::nullopt;
}

void add_slot(State& state, const SlotIntroduction& introduction, const JournalEntry& entry) {
  SlotState slot;
  slot.introduction = introduction;
  slot.added_by = entry.author;
  slot.added_sequence = entry.sequence;
  slot.added_ms = entry.time_ms;
  slot.kind = introduction.kind;
  slot.generation = introduction.kind == SlotKind::recipient ? 0 : 1;
  slot.slot_object = introduction.slot_object;
  slot.epoch_box = introduction.epoch_box;
  slot.last_seen_ms = entry.time_ms;
  for (const std::string& source : introduction.sources) {
    bind_source(state, source, introduction.slot);
  }
  state.slots.emplace(introduction.slot, std::move(slot));
}

MaybeViolation check_beginning(const State& state,
                               const EpochBeginning& beginning,
                               const JournalEntry& entry) {
  const EpochBeginning& current = state.beginning;
  const bool has_old_key =
      beginning.epoch_key == BoxPublicKey{} || beginning.epoch_key == current.epoch_key ||
      beginning.audit_key == BoxPublicKey{} || beginning.audit_key == current.audit_key ||
      beginning.anchor == ObjectHash{} || beginning.anchor == current.anchor;
  const bool is_far_off =
      beginning.least > entry.sequence || entry.sequence - beginning.least > beginning_distance_max;
  if (!has_old_key && !is_far_off) return std::nullopt;
  return Violation{39, "an epoch's beginning that is not a new one"};
}

bool are_in_order(const std::vector<ObjectHash>& packs) {
  return !packs.empty() && packs.size() <= entry_packs_max && ascend(packs);
}

MaybeViolation check_distinct(const std::vector<ObjectHash>& key_segments) {
  const std::set<ObjectHash> seen(key_segments.begin(), key_segments.end());
  if (seen.size() < key_segments.size()) return Violation{36, "the same key segment twice"};
  return std::nullopt;
}

MaybeViolation check_key_segments(const State& state, const std::vector<ObjectHash>& key_segments) {
  if (key_segments.size() > entry_key_segments_max) {
    return Violation{26, "more key segments than an entry may introduce"};
  }
  if (auto violation = check_distinct(key_segments)) return violation;
  const auto exists = [&](const ObjectHash& name) { return state.key_segments.contains(name); };
  if (std::ranges::any_of(key_segments, exists)) {
    return Violation{37, "a key segment that exists already"};
  }
  return std::nullopt;
}

bool are_current_segments(const State& state, const std::vector<ObjectHash>& segments) {
  return !segments.empty() && segments.size() <= entry_segments_max &&
         are_current_in_order(state, segments);
}

bool are_current_in_order(const State& state, const std::vector<ObjectHash>& segments) {
  return ascend(segments) && std::ranges::all_of(segments, [&](const ObjectHash& name) {
           const std::optional<SegmentState> segment = state.segments.find(name);
           return segment && segment->is_current;
         });
}

void retire_segment(State& state, const ReplacedSegment& replaced) {
  SegmentState segment = *state.segments.find(replaced.hash);
  segment.is_current = false;
  segment.first_ordinal = replaced.first_ordinal;
  segment.count = replaced.count;
  state.changed.insert(segment.sequence);
  state.dead.erase(replaced.hash);
  state.segments.put(replaced.hash, segment);
}

}  // namespace kist
