#include <algorithm>

#include "engine/rules/acts/act_rules.h"
#include "engine/rules/acts/introductions.h"
#include "engine/rules/proposals.h"
#include "engine/rules/retention.h"
#include "engine/rules/validate.h"

namespace kist {

namespace {

// Each slot that is not revoked yet is named once: it is revoked, or has a box.
MaybeViolation check_slots(const State& state, const EpochEnded& ended, const SlotId& author) {
  if (!ascend(ended.revoked) || !ascend(ended.boxes, &NamedBox::slot)) {
    return Violation{40, "slots that are not in order"};
  }
  std::vector<SlotId> named = ended.revoked;
  for (const NamedBox& box : ended.boxes) {
    named.push_back(box.slot);
  }
  std::ranges::sort(named);
  std::vector<SlotId> current;
  for (const SlotState* slot : state.current_slots()) {
    current.push_back(slot->introduction.slot);
  }
  if (named != current) return Violation{41, "slots that are not all there are, each once"};
  if (std::ranges::binary_search(ended.revoked, author)) {
    return Violation{42, "an author that revokes itself"};
  }
  return std::nullopt;
}

// The ranges take up all entries before this one, each once.
MaybeViolation check_keys(const EpochEnded& ended, const JournalEntry& entry) {
  const bool are_all = ascend(ended.keys, &KeyRange::last) && !ended.keys.empty() &&
                       ended.keys.back().last + 1 == entry.sequence;
  if (!are_all) {
    return Violation{43, "keys that are not those of all entries before it"};
  }
  std::vector<ObjectHash> made;
  for (const KeyRange& range : ended.keys) {
    made.insert(made.end(), range.segments.begin(), range.segments.end());
  }
  return check_distinct(made);
}

bool is_list_of_parts(const auto& list) {
  return list.size() <= ended_parts_max && ascend(list);
}

// Snapshots end only once the law lets them go.
MaybeViolation check_snapshots(const State& state,
                               const std::vector<SnapshotId>& snapshots,
                               const JournalEntry& entry) {
  if (!is_list_of_parts(snapshots) || (!snapshots.empty() && entry.is_time_doubted)) {
    return Violation{93, "snapshots that are too many or not in order, or a doubted time"};
  }
  const RetentionJudge law(state, entry.author, entry.time_ms);
  for (const SnapshotId& id : snapshots) {
    const std::optional<SnapshotState> snapshot = state.snapshots.find(id);
    if (!snapshot || !snapshot->is_live || !snapshot->is_retired()) {
      return Violation{94, "a snapshot that is not there, or not retired"};
    }
    if (law.is_held(*snapshot)) return Violation{95, "a snapshot that is held"};
    if (!law.is_minimum_over(*snapshot) || !law.is_grace_over(*snapshot)) {
      return Violation{96, "a snapshot that can still be restored"};
    }
  }
  return std::nullopt;
}

// Nothing of a snapshot is forgotten that somebody may restore.
bool may_be_forgotten(const State& state, const EndedContent& ended) {
  return is_list_of_parts(ended.forgotten) &&
         std::ranges::all_of(ended.forgotten, [&](const SnapshotId& id) {
           const std::optional<SnapshotState> snapshot = state.snapshots.find(id);
           if (!snapshot || snapshot->is_forgotten) return false;
           return !snapshot->is_live || std::ranges::binary_search(ended.snapshots, id);
         });
}

MaybeViolation check_ended(const State& state,
                           const EndedContent& ended,
                           const JournalEntry& entry) {
  if (!ended.empty() && !has_maintain(state, entry.author)) {
    return Violation{50, "what ends by the word of a slot without maintain"};
  }
  const bool are_condemned =
      ascend(ended.segments, &ReplacedSegment::hash) &&
      std::ranges::all_of(ended.segments, [&](const ReplacedSegment& segment) {
        return state.dead.contains(segment.hash);
      });
  if (!are_condemned) return Violation{92, "index segments that do not stand condemned"};
  if (auto violation = check_snapshots(state, ended.snapshots, entry)) return violation;
  if (!may_be_forgotten(state, ended)) {
    return Violation{97, "snapshots that are forgotten and have not ended"};
  }
  if (is_list_of_parts(ended.names)) return std::nullopt;
  return Violation{98, "names of objects that are too many or not in order"};
}

void end_content(State& state, const EndedContent& ended, std::uint64_t sequence) {
  for (const ReplacedSegment& segment : ended.segments) {
    retire_segment(state, segment);
  }
  for (const SnapshotId& id : ended.snapshots) {
    SnapshotState snapshot = state.snapshots.at(id);
    snapshot.is_live = false;
    snapshot.ended_by = sequence;
    state.snapshots.put(id, std::move(snapshot));
  }
  for (const SnapshotId& id : ended.forgotten) {
    SnapshotState snapshot = state.snapshots.at(id);
    snapshot.is_forgotten = true;
    state.snapshots.put(id, std::move(snapshot));
  }
  if (ended.names.empty()) return;
  std::map<ObjectHash, Condemnation> unnamed = state.unnamed.all();
  state.unnamed.clear();
  for (const ObjectHash& name : ended.names) {
    unnamed.erase(name);
    state.doubted_packs.erase(name);
    if (state.condemned.find(name).value_or(false)) state.condemned.put(name, false);
  }
  for (const auto& [name, condemnation] : unnamed) {
    state.unnamed.put(name, condemnation);
  }
}

}  // namespace

std::optional<Capabilities> capability_for(const EpochEnded& ended) {
  return ended.revoked.empty() ? can_maintain : can_own;
}

MaybeViolation check_act(const State& state, const EpochEnded& ended, const JournalEntry& entry) {
  if (ended.former.epoch != state.epoch || ended.former.begun != state.epoch_begun) {
    return Violation{38, "the epoch that it ends is not the current one"};
  }
  if (auto violation = check_beginning(state, ended.beginning, entry)) return violation;
  if (auto violation = check_slots(state, ended, entry.author)) return violation;
  if (auto violation = check_keys(ended, entry)) return violation;
  return check_ended(state, ended.ended, entry);
}

void apply_act(State& state, const EpochEnded& ended, const JournalEntry& entry) {
  state.epoch_number = entry.epoch_number;
  state.epoch = entry.epoch;
  state.beginning = ended.beginning;
  state.epoch_begun = entry.sequence;
  state.epochs.insert(entry.epoch);
  for (const SlotId& slot : ended.revoked) {
    state.slots.at(slot).is_revoked = true;
    state.slots.at(slot).epoch_box = {};
    free_sources(state, slot);
    drop_proposals_of(state, slot);
    std::erase_if(state.doubted_packs, [&](const auto& pack) { return pack.second == slot; });
  }
  if (!ended.revoked.empty()) state.renew_times();
  for (const NamedBox& box : ended.boxes) {
    state.slots.at(box.slot).epoch_box = box.hash;
  }
  if (ended.dropped_count > 0) ++state.given_up;
  if (ended.forgets) {
    state.kept_from = entry.epoch_number;
    state.kept_from_epoch = entry.epoch;
  }
  state.key_ranges = ended.keys;
  state.key_segments.clear();
  for (const KeyRange& range : ended.keys) {
    for (const ObjectHash& name : range.segments) {
      state.key_segments.put(name, entry.author);
    }
  }
  end_content(state, ended.ended, entry.sequence);
}

}  // namespace kist
