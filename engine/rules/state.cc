#include "engine/rules/state.h"

#include <algorithm>

namespace kist {

namespace {

bool is_believed(const SlotState& slot) {
  return (slot.introduction.capabilities & (can_maintain | can_own)) != 0;
}

void add_slot(State& state, const SlotIntroduction& introduction, const JournalEntry& entry) {
  SlotState slot;
  slot.introduction = introduction;
  slot.added_by = entry.author;
  slot.added_sequence = entry.sequence;
  slot.added_ms = entry.time_ms;
  slot.slot_object = introduction.slot_object;
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
  state.policies.emplace(genesis.policy.name, genesis.policy);
  add_slot(state, genesis.owner, entry);
}

void apply_act(State& state, const SnapshotTaken& taken, const JournalEntry& entry) {
  const auto replaced = state.snapshots.find(taken.replaces);
  if (replaced != state.snapshots.end()) replaced->second.is_live = false;
  state.sources.emplace(taken.source, entry.author);
  const bool author_reads =
      (state.slots.at(entry.author).introduction.capabilities & can_read) != 0;
  for (const SegmentIntroduction& segment : taken.segments) {
    state.segments.emplace(segment.index_segment,
                           SegmentState{segment, entry.author, entry.sequence, author_reads});
    state.next_number += segment.block_count;
  }
  state.snapshots.emplace(taken.snapshot,
                          SnapshotState{taken, entry.author, entry.sequence, entry.time_ms, true});
}

void apply_act(State& state, const SlotAdded& added, const JournalEntry& entry) {
  add_slot(state, added.slot, entry);
}

void apply_act(State& state, const SlotRewrapped& rewrapped, const JournalEntry& entry) {
  SlotState& slot = state.slots.at(entry.author);
  slot.generation = rewrapped.generation;
  slot.introduction.kind = rewrapped.kind;
  slot.slot_object = rewrapped.slot_object;
}

void apply_act(State& /*state*/, const UnknownAct& /*act*/, const JournalEntry& /*entry*/) {
  KIST_ENSURE(false);  // validate() lets none pass
}

}  // namespace

void EntryTimes::note(const SlotId& author, bool is_believed, std::int64_t time_ms) {
  if (is_believed) {
    believed_ms_ = std::max(believed_ms_, time_ms);
  } else if (author == first_slot_) {
    first_ms_ = std::max(first_ms_, time_ms);
  } else if (time_ms > first_ms_) {
    second_ms_ = first_ms_;
    first_ms_ = time_ms;
    first_slot_ = author;
  } else {
    second_ms_ = std::max(second_ms_, time_ms);
  }
}

std::int64_t EntryTimes::least_ms(bool is_believed, std::int64_t own_ms) const {
  const std::int64_t least = std::max(own_ms, believed_ms_);
  return is_believed ? least : std::max(least, second_ms_);
}

std::int64_t State::least_time_ms(const SlotId& author) const {
  const auto slot = slots.find(author);
  if (slot == slots.end()) return 0;
  return times.least_ms(is_believed(slot->second), slot->second.last_seen_ms);
}

std::vector<const SnapshotState*> State::live_snapshots() const {
  std::vector<const SnapshotState*> out;
  for (const auto& [id, snapshot] : snapshots) {
    if (snapshot.is_live) out.push_back(&snapshot);
  }
  std::ranges::sort(out, {}, &SnapshotState::sequence);
  return out;
}

ProvedNumbers::ProvedNumbers(const State& state) {
  for (const auto& [name, segment] : state.segments) {
    if (segment.is_proved) continue;
    unproved_.push_back(
        {segment.introduction.first_number, segment.introduction.block_count, segment.author});
  }
  std::ranges::sort(unproved_, {}, &Range::first);
}

const ProvedNumbers::Range* ProvedNumbers::unproved(std::uint64_t number) const {
  const auto after = std::ranges::upper_bound(unproved_, number, {}, &Range::first);
  if (after == unproved_.begin()) return nullptr;
  const Range& range = *std::prev(after);
  return number - range.first < range.count ? &range : nullptr;
}

bool ProvedNumbers::is_proved(std::uint64_t number) const {
  return unproved(number) == nullptr;
}

bool ProvedNumbers::is_trusted_by(const SlotId& slot, std::uint64_t number) const {
  const Range* range = unproved(number);
  return range == nullptr || range->author == slot;
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
  state.voids.push_back({state.next_sequence, reason});
  state.head = hash;
  ++state.next_sequence;
}

}  // namespace kist
