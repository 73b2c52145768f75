#include <algorithm>
#include <functional>

#include "engine/rules/acts/act_rules.h"
#include "engine/rules/acts/introductions.h"
#include "engine/rules/proposals.h"
#include "engine/rules/retention.h"

namespace kist {

namespace {

template <typename List, typename Projection>
bool is_ascending(const List& list, Projection projection) {
  return std::ranges::adjacent_find(list, std::ranges::greater_equal(), projection) == list.end();
}

// Each slot that is not revoked yet is named once: it is revoked, or has a box.
MaybeViolation check_slots(const State& state, const EpochEnded& ended, const SlotId& author) {
  if (!is_ascending(ended.revoked, std::identity()) ||
      !is_ascending(ended.boxes, &NamedBox::slot)) {
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
  const bool ascend = std::ranges::adjacent_find(ended.keys, std::ranges::greater_equal(),
                                                 &KeyRange::last) == ended.keys.end();
  const bool are_all =
      ascend && !ended.keys.empty() && ended.keys.back().last + 1 == entry.sequence;
  if (!are_all) {
    return Violation{43, "keys that are not those of all entries before it"};
  }
  std::vector<ObjectHash> made;
  for (const KeyRange& range : ended.keys) {
    made.insert(made.end(), range.segments.begin(), range.segments.end());
  }
  return check_distinct(made);
}

// What a feature that nobody requires yet is to give a meaning.
MaybeViolation check_reserved(const EpochEnded& ended) {
  const bool is_reserved = !ended.index.empty() || !ended.snapshots.empty() ||
                           ended.ended_blocks != ObjectHash{} ||
                           ended.removed_objects != ObjectHash{};
  if (is_reserved) return Violation{50, "it ends more than keys, which no feature has enabled"};
  return std::nullopt;
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
  return check_reserved(ended);
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
}

}  // namespace kist
