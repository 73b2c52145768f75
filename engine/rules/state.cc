#include "engine/rules/state.h"

#include <algorithm>

#include "engine/rules/acts/act_rules.h"
#include "engine/rules/proposals.h"

namespace kist {

namespace {

bool is_believed(const SlotState& slot) {
  return !slot.is_revoked && (slot.introduction.capabilities & (can_maintain | can_own)) != 0;
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
  return times.least_ms(is_believed(slot->second), slot->second.bound_ms);
}

void State::renew_times() {
  times = {};
  for (const auto& [id, slot] : slots) {
    if (!slot.is_revoked) times.note(id, is_believed(slot), slot.bound_ms);
  }
}

const std::vector<ObjectHash>& State::key_segments_of(std::uint64_t sequence,
                                                      const std::vector<ObjectHash>& own) const {
  static const std::vector<ObjectHash> none;
  if (sequence > epoch_begun) return own;
  const auto range = std::ranges::lower_bound(key_ranges, sequence, {}, &KeyRange::last);
  return range == key_ranges.end() ? none : range->segments;
}

bool State::is_condemned(const ObjectHash& pack) const {
  return doubted_packs.contains(pack) || condemned.find(pack).value_or(false);
}

std::set<ObjectHash> State::condemned_packs() const {
  std::set<ObjectHash> out;
  for (const auto& [pack, slot] : doubted_packs) {
    out.insert(pack);
  }
  condemned.for_each([&](const ObjectHash& pack, bool is_so) {
    if (is_so) out.insert(pack);
  });
  return out;
}

SetProof State::proof_by(const SlotId& slot) const {
  const auto found = slots.find(slot);
  if (found == slots.end() || found->second.is_revoked) return SetProof::none;
  const bool maintains = (found->second.introduction.capabilities & can_maintain) != 0;
  return maintains ? SetProof::by_maintain : SetProof::by_read;
}

bool State::is_proved(std::uint64_t sequence, const SlotId& author) const {
  if ((slots.at(author).introduction.capabilities & can_read) != 0) return true;
  const auto range = std::ranges::lower_bound(proved, sequence, {}, &EntryRange::last);
  return range != proved.end() && range->first <= sequence;
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

std::vector<const Incident*> State::open_incidents() const {
  std::vector<const Incident*> out;
  for (const Incident& entry : incidents) {
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
    const bool is_trusted =
        segment.author == slot ||
        (rule == Trust::proved && state.is_proved(segment.sequence, segment.author));
    if (is_trusted) return;
    distrusted_.push_back({segment.numbers.first_number, segment.numbers.count()});
  });
  std::ranges::sort(distrusted_, {}, &Range::first);
  // Ranges that adjoin become one, and those of the segments of one entry, which are the same.
  std::vector<Range> merged;
  for (const Range& range : distrusted_) {
    const std::uint64_t end = merged.empty() ? 0 : merged.back().first + merged.back().count;
    if (range.first < end) continue;
    if (!merged.empty() && range.first == end) {
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

NumberSet TrustedNumbers::distrusted() const {
  NumberSet out;
  for (const Range& range : distrusted_) {
    out.add_range(range.first, range.count);
  }
  return out;
}

void apply(State& state, const JournalEntry& entry, const ObjectHash& hash) {
  std::visit([&](const auto& act) { apply_act(state, act, entry); }, entry.act);
  if (entry.sequence == 0) state.fingerprint = hash;
  state.head = hash;
  state.next_sequence = entry.sequence + 1;
  SlotState& author = state.slots.at(entry.author);
  author.last_seen_ms = entry.time_ms;
  author.has_written = true;
  if (entry.is_time_doubted) return;
  state.last_ms = entry.time_ms;
  author.bound_ms = std::max(author.bound_ms, entry.time_ms);
  author.peak_ms = std::max(author.peak_ms, entry.time_ms);
  state.times.note(entry.author, is_believed(author), entry.time_ms);
  advance_proposals(state, entry);
}

void note_incident(State& state, Incident incident) {
  const auto is_same = [&](const Incident& each) {
    return each.is_open() && each.author == incident.author && each.kind == incident.kind &&
           each.reason == incident.reason;
  };
  const std::uint64_t sequence = incident.sequence;
  auto place = std::ranges::find_if(state.incidents, is_same);
  if (place == state.incidents.end()) place = state.incidents.insert(place, std::move(incident));
  place->last = sequence;
  ++place->count;
}

void apply_void(State& state,
                const std::string& reason,
                const ObjectHash& hash,
                const SlotId& author) {
  note_incident(state, {.sequence = state.next_sequence,
                        .author = author,
                        .kind = IncidentKind::void_entries,
                        .reason = reason});
  state.head = hash;
  ++state.next_sequence;
}

}  // namespace kist
