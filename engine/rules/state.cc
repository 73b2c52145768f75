#include "engine/rules/state.h"

#include <algorithm>

namespace kist {

namespace {

bool is_believed(const SlotState& slot) {
  return !slot.is_revoked && (slot.introduction.capabilities & (can_maintain | can_own)) != 0;
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
    state.sources.emplace(source, introduction.slot);
  }
  state.slots.emplace(introduction.slot, std::move(slot));
}

void apply_act(State& state, const Genesis& genesis, const JournalEntry& entry) {
  state.genesis = genesis;
  state.epoch_number = entry.epoch_number;
  state.epoch = entry.epoch;
  state.epoch_key = genesis.epoch_key;
  state.epochs.insert(entry.epoch);
  state.policies.emplace(genesis.policy.name, genesis.policy);
  add_slot(state, genesis.owner, entry);
}

void apply_act(State& state, const SnapshotTaken& taken, const JournalEntry& entry) {
  if (auto replaced = state.snapshots.find(taken.replaces)) {
    replaced->is_live = false;
    state.pending.erase(taken.replaces);
    state.snapshots.put(taken.replaces, std::move(*replaced));
  }
  if (taken.is_pending) state.pending.insert(taken.snapshot);
  state.sources.emplace(taken.source, entry.author);
  const bool author_reads =
      (state.slots.at(entry.author).introduction.capabilities & can_read) != 0;
  for (const SegmentIntroduction& segment : taken.segments) {
    state.segments.put(segment.index_segment,
                       SegmentState{segment, entry.author, entry.sequence, author_reads});
    state.next_number += segment.block_count;
  }
  state.slots.at(entry.author).key_segment_count +=
      narrow<std::uint32_t>(taken.key_segments.size());
  for (const ObjectHash& name : taken.key_segments) {
    state.key_segments.put(name, entry.author);
  }
  state.snapshots.put(taken.snapshot, SnapshotState{.taken = taken,
                                                    .author = entry.author,
                                                    .sequence = entry.sequence,
                                                    .time_ms = entry.time_ms,
                                                    .is_live = true,
                                                    .key_segments = taken.key_segments});
}

void apply_act(State& state, const SlotAdded& added, const JournalEntry& entry) {
  add_slot(state, added.slot, entry);
}

void apply_act(State& state, const SlotRewrapped& rewrapped, const JournalEntry& entry) {
  SlotState& slot = state.slots.at(entry.author);
  slot.generation = rewrapped.generation;
  slot.kind = rewrapped.kind;
  slot.slot_object = rewrapped.slot_object;
}

// The key segments that a snapshot is opened by from now on: each once, in their order.
void carry_on(std::vector<ObjectHash>& names, const std::map<ObjectHash, ObjectHash>& carried_by) {
  std::vector<ObjectHash> out;
  for (const ObjectHash& name : names) {
    const auto found = carried_by.find(name);
    if (found == carried_by.end() || std::ranges::count(out, found->second) > 0) continue;
    out.push_back(found->second);
  }
  names = std::move(out);
}

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
    carry_on(carried.key_segments, carried_by);
    state.snapshots.put(id, std::move(carried));
  }
}

void apply_act(State& state, const StateRemade& remade, const JournalEntry& entry) {
  state.clients.insert_or_assign({entry.author, remade.client}, entry.epoch_number);
}

void apply_act(State& state, const IncidentsClosed& closed, const JournalEntry& entry) {
  for (VoidEntry& each : state.voids) {
    const bool is_meant = each.sequence >= closed.first && each.sequence <= closed.last;
    if (is_meant && each.is_open()) each.closed_by = entry.sequence;
  }
}

void apply_act(State& state, const SegmentsProved& proved, const JournalEntry& /*entry*/) {
  for (const ObjectHash& name : proved.segments) {
    SegmentState segment = state.segments.at(name);
    segment.is_proved = true;
    state.segments.put(name, segment);
  }
}

void apply_act(State& /*state*/, const UnknownAct& /*act*/, const JournalEntry& /*entry*/) {
  KIST_ENSURE(false);  // validate() lets none pass
}

}  // namespace

void EntryTimes::note(const SlotId& author, bool is_believed, std::int64_t time_ms) {
  if (is_believed) {
    believed_ms = std::max(believed_ms, time_ms);
  } else if (author == first_slot) {
    first_ms = std::max(first_ms, time_ms);
  } else if (time_ms > first_ms) {
    second_ms = first_ms;
    first_ms = time_ms;
    first_slot = author;
  } else {
    second_ms = std::max(second_ms, time_ms);
  }
}

std::int64_t EntryTimes::least_ms(bool is_believed, std::int64_t own_ms) const {
  const std::int64_t least = std::max(own_ms, believed_ms);
  return is_believed ? least : std::max(least, second_ms);
}

std::int64_t State::least_time_ms(const SlotId& author) const {
  const auto slot = slots.find(author);
  if (slot == slots.end()) return 0;
  return times.least_ms(is_believed(slot->second), slot->second.last_seen_ms);
}

std::vector<SnapshotPtr> State::all_snapshots() const {
  std::vector<SnapshotPtr> out;
  snapshots.for_each([&](const SnapshotId& /*id*/, const SnapshotState& snapshot) {
    out.push_back(std::make_shared<const SnapshotState>(snapshot));
  });
  std::ranges::sort(out, {}, [](const SnapshotPtr& snapshot) { return snapshot->sequence; });
  return out;
}

std::vector<SnapshotPtr> State::live_snapshots() const {
  std::vector<SnapshotPtr> out = all_snapshots();
  std::erase_if(out, [](const SnapshotPtr& snapshot) { return !snapshot->is_live; });
  return out;
}

std::vector<const VoidEntry*> State::open_incidents() const {
  std::vector<const VoidEntry*> out;
  for (const VoidEntry& entry : voids) {
    if (entry.is_open()) out.push_back(&entry);
  }
  return out;
}

std::vector<const SlotState*> State::current_slots() const {
  std::vector<const SlotState*> out;
  for (const auto& [id, slot] : slots) {
    if (!slot.is_revoked) out.push_back(&slot);
  }
  return out;
}

bool is_of_ended_epoch(const State& state, std::uint32_t epoch_number, const EpochId& epoch) {
  return epoch_number <= state.epoch_number && epoch != state.epoch;
}

TrustedNumbers::TrustedNumbers(const State& state, Trust rule, const SlotId& slot) {
  if (rule == Trust::all) return;
  state.segments.for_each([&](const ObjectHash& /*name*/, const SegmentState& segment) {
    const bool is_trusted = segment.author == slot || (rule == Trust::proved && segment.is_proved);
    if (is_trusted) return;
    distrusted_.push_back({segment.introduction.first_number, segment.introduction.block_count});
  });
  std::ranges::sort(distrusted_, {}, &Range::first);
  // Those that adjoin are one.
  std::vector<Range> merged;
  for (const Range& range : distrusted_) {
    if (!merged.empty() && merged.back().first + merged.back().count == range.first) {
      merged.back().count += range.count;
    } else {
      merged.push_back(range);
    }
  }
  distrusted_ = std::move(merged);
}

std::uint64_t TrustedNumbers::next(std::uint64_t number) const {
  const auto after = std::ranges::upper_bound(distrusted_, number, {}, &Range::first);
  if (after == distrusted_.begin()) return number;
  const Range& range = *std::prev(after);
  return std::max(number, range.first + range.count);
}

void apply(State& state, const JournalEntry& entry, const ObjectHash& hash) {
  std::visit([&](const auto& act) { apply_act(state, act, entry); }, entry.act);
  if (entry.sequence == 0) state.fingerprint = hash;
  state.last_ms = entry.time_ms;
  state.head = hash;
  state.next_sequence = entry.sequence + 1;
  SlotState& author = state.slots.at(entry.author);
  author.last_seen_ms = entry.time_ms;
  state.times.note(entry.author, is_believed(author), entry.time_ms);
}

void apply_void(State& state, const std::string& reason, const ObjectHash& hash) {
  state.voids.push_back({.sequence = state.next_sequence, .reason = reason});
  state.head = hash;
  ++state.next_sequence;
}

}  // namespace kist
