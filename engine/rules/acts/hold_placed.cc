#include <algorithm>
#include <functional>

#include "engine/rules/acts/act_rules.h"
#include "engine/rules/retention.h"

namespace kist {

namespace {

template <typename List>
bool is_ascending(const List& list) {
  return std::ranges::adjacent_find(list, std::ranges::greater_equal()) == list.end();
}

bool are_snapshots(const State& state, const std::vector<SnapshotId>& snapshots) {
  return std::ranges::all_of(snapshots, [&](const SnapshotId& id) {
    const std::optional<SnapshotState> snapshot = state.snapshots.find(id);
    return snapshot && !snapshot->taken.is_pending && !snapshot->has_ended();
  });
}

// Of one kind, and of that which the matter has.
bool are_of_its_kind(const State& state, const HoldPlaced& placed) {
  const HoldParts& parts = placed.parts;
  if (!parts.snapshots.empty() && !parts.sources.empty()) return false;
  const auto found = state.holds.find(placed.matter);
  if (found == state.holds.end()) return true;
  const Hold& hold = found->second;
  return hold.is_whole == parts.is_whole() && hold.snapshots.empty() == parts.snapshots.empty() &&
         hold.sources.empty() == parts.sources.empty();
}

bool is_room_left(const State& state, const HoldPlaced& placed) {
  std::size_t parts = placed.parts.snapshots.size() + placed.parts.sources.size();
  for (const auto& [matter, hold] : state.holds) {
    parts += hold.snapshots.size() + hold.sources.size();
  }
  return parts <= held_parts_max &&
         (state.holds.size() < matters_max || state.holds.contains(placed.matter));
}

}  // namespace

std::optional<Capabilities> capability_for(const HoldPlaced& /*act*/) {
  return can_maintain;
}

MaybeViolation check_act(const State& state,
                         const HoldPlaced& placed,
                         const JournalEntry& /*entry*/) {
  const bool is_named = !placed.matter.empty() && placed.matter.size() <= matter_bytes_max;
  const HoldParts& parts = placed.parts;
  if (!is_named || !is_ascending(parts.snapshots) || !is_ascending(parts.sources)) {
    return Violation{84, "a hold without a matter, or with parts out of order"};
  }
  if (!are_snapshots(state, parts.snapshots) || !are_of_its_kind(state, placed)) {
    return Violation{85, "a hold on what is not there, or of another kind than before"};
  }
  if (!is_room_left(state, placed)) return Violation{86, "more holds than there may be"};
  return std::nullopt;
}

void apply_act(State& state, const HoldPlaced& placed, const JournalEntry& entry) {
  Hold& hold = state.holds[placed.matter];
  if (hold.sequence == 0) {
    hold.sequence = entry.sequence;
    hold.time_ms = entry.time_ms;
    hold.author = entry.author;
    hold.reason = placed.reason;
  }
  hold.is_whole = placed.parts.is_whole();
  hold.snapshots.insert(placed.parts.snapshots.begin(), placed.parts.snapshots.end());
  hold.sources.insert(placed.parts.sources.begin(), placed.parts.sources.end());
}

}  // namespace kist
