#include <algorithm>

#include "engine/rules/acts/act_rules.h"
#include "engine/rules/clock.h"

namespace kist {

namespace {

// All parts that are named are parts of the hold.
bool covers(const Hold& hold, const HoldParts& parts) {
  return std::ranges::all_of(parts.snapshots,
                             [&](const SnapshotId& id) { return hold.snapshots.contains(id); }) &&
         std::ranges::all_of(parts.sources,
                             [&](const std::string& name) { return hold.sources.contains(name); });
}

// Whether each is named once, so that none is lifted twice.
template <typename List>
bool is_ascending_list(const List& list) {
  return std::ranges::adjacent_find(list, std::ranges::greater_equal()) == list.end();
}

}  // namespace

std::optional<Capabilities> capability_for(const HoldLifted& /*act*/) {
  return can_own;
}

MaybeViolation check_act(const State& state,
                         const HoldLifted& lifted,
                         const JournalEntry& /*entry*/) {
  const auto found = state.holds.find(lifted.matter);
  const bool is_held = found != state.holds.end() && is_ascending_list(lifted.parts.snapshots) &&
                       is_ascending_list(lifted.parts.sources) &&
                       covers(found->second, lifted.parts);
  if (!is_held) return Violation{87, "a hold is lifted that is not there"};
  return std::nullopt;
}

void apply_act(State& state, const HoldLifted& lifted, const JournalEntry& entry) {
  const std::int64_t time_ms =
      retention_time_ms(state, entry.author, LockMode::governance, entry.time_ms);
  Hold& hold = state.holds.at(lifted.matter);
  const bool is_all = lifted.parts.is_whole();
  const std::set<SnapshotId> snapshots =
      is_all ? hold.snapshots
             : std::set(lifted.parts.snapshots.begin(), lifted.parts.snapshots.end());
  const std::set<std::string> sources =
      is_all ? hold.sources : std::set(lifted.parts.sources.begin(), lifted.parts.sources.end());
  for (const SnapshotId& id : snapshots) {
    SnapshotState snapshot = state.snapshots.at(id);
    snapshot.lifted_ms = std::max(snapshot.lifted_ms, time_ms);
    state.snapshots.put(id, std::move(snapshot));
    hold.snapshots.erase(id);
  }
  for (const std::string& name : sources) {
    const auto source = state.sources.find(name);
    if (source != state.sources.end()) {
      source->second.lifted_ms = std::max(source->second.lifted_ms, time_ms);
    }
    hold.sources.erase(name);
  }
  if (hold.is_whole) state.lifted_ms = std::max(state.lifted_ms, time_ms);
  if (hold.snapshots.empty() && hold.sources.empty()) state.holds.erase(lifted.matter);
}

}  // namespace kist
