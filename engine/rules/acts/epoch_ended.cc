#include <algorithm>
#include <functional>
#include <map>

#include "engine/rules/acts/act_rules.h"
#include "engine/rules/acts/introductions.h"

namespace kist {

namespace {

// Each slot that is not revoked yet is named once: it is revoked, or has a box.
MaybeViolation check_slots(const State& state, const EpochEnded& ended, const SlotId& author) {
  const auto is_ascending = [](const auto& list, auto projection) {
    return std::ranges::adjacent_find(list, std::ranges::greater_equal(), projection) == list.end();
  };
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

// Each current key segment is named once: it is carried on, or dropped.
//
// Memory: three lists of 32 bytes for each current key segment. A slot introduces at most 16,384 in
// an epoch (V27), so a list takes at most 512 KiB a slot; the entry itself names each of them, and
// its limit of 16 MiB keeps all together below 524,288, which is 48 MiB for the three.
MaybeViolation check_carried(const State& state, const EpochEnded& ended) {
  std::vector<ObjectHash> made;
  std::vector<ObjectHash> replaced = ended.dropped;
  for (const CarriedSegment& segment : ended.carried) {
    made.push_back(segment.name);
    replaced.insert(replaced.end(), segment.replaces.begin(), segment.replaces.end());
  }
  std::ranges::sort(replaced);
  std::vector<ObjectHash> current;
  state.key_segments.for_each(
      [&](const ObjectHash& name, const SlotId& /*author*/) { current.push_back(name); });
  if (replaced != current) return Violation{43, "key segments that are not all, each once"};
  return check_new_key_segments(state, made);
}

// The key segments that a snapshot is opened by from now on: each once, in their order.
std::vector<ObjectHash> carried_names(const std::vector<ObjectHash>& names,
                                      const std::map<ObjectHash, ObjectHash>& carried_by) {
  std::vector<ObjectHash> out;
  for (const ObjectHash& name : names) {
    const auto found = carried_by.find(name);
    if (found == carried_by.end() || std::ranges::count(out, found->second) > 0) continue;
    out.push_back(found->second);
  }
  return out;
}

}  // namespace

std::optional<Capability> capability_for(const EpochEnded& ended) {
  return ended.revoked.empty() ? can_maintain : can_own;
}

MaybeViolation check_act(const State& state, const EpochEnded& ended, const JournalEntry& entry) {
  if (ended.former.epoch != state.epoch || ended.former.begun != state.epoch_begun) {
    return Violation{38, "the epoch that it ends is not the current one"};
  }
  if (ended.epoch_key == BoxPublicKey{} || ended.epoch_key == state.epoch_key) {
    return Violation{39, "a key that is not a new one"};
  }
  if (auto violation = check_slots(state, ended, entry.author)) return violation;
  return check_carried(state, ended);
}

// Memory: the rows of all snapshots change, those that were replaced too, and two copies of each
// are held until the catalog has stored them. A row with one index segment and one key segment
// takes about 512 bytes, each further segment 48 or 64: 40,000 snapshots (ten machines, four a day,
// for 2.7 years) take 40 MiB, a million take 1 GiB. For more than that the catalog would have to
// rewrite its rows in place.
void apply_act(State& state, const EpochEnded& ended, const JournalEntry& entry) {
  state.epoch_number = entry.epoch_number;
  state.epoch = entry.epoch;
  state.epoch_key = ended.epoch_key;
  state.epoch_begun = entry.sequence;
  state.epochs.insert(entry.epoch);
  for (const SlotId& slot : ended.revoked) {
    state.slots.at(slot).is_revoked = true;
    state.slots.at(slot).epoch_box = {};
    std::erase_if(state.sources, [&](const auto& source) { return source.second == slot; });
  }
  if (!ended.revoked.empty()) state.renew_times();
  for (const NamedBox& box : ended.boxes) {
    state.slots.at(box.slot).epoch_box = box.hash;
    state.slots.at(box.slot).key_segment_count = 0;
  }
  if (!ended.dropped.empty()) ++state.given_up;
  std::map<ObjectHash, ObjectHash> carried_by;
  state.key_segments.clear();
  for (const CarriedSegment& segment : ended.carried) {
    state.key_segments.put(segment.name, entry.author);
    for (const ObjectHash& name : segment.replaces) {
      carried_by.emplace(name, segment.name);
    }
  }
  for (auto& [id, snapshot] : state.snapshots.all()) {
    SnapshotState carried = snapshot;
    carried.key_segments = carried_names(snapshot.key_segments, carried_by);
    state.snapshots.put(id, std::move(carried));
  }
}

}  // namespace kist
