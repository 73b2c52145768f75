#include <algorithm>

#include "engine/rules/acts/act_rules.h"
#include "engine/rules/validate.h"

namespace kist {

namespace {

bool names(const IncidentsClosed& closed, const Incident& incident) {
  return incident.sequence >= closed.first && incident.last <= closed.last;
}

}  // namespace

std::optional<Capabilities> capability_for(const IncidentsClosed& /*act*/) {
  return can_own;
}

MaybeViolation check_act(const State& state,
                         const IncidentsClosed& closed,
                         const JournalEntry& entry) {
  const auto is_named = [&](const Incident* incident) { return names(closed, *incident); };
  if (std::ranges::none_of(state.open_incidents(), is_named)) {
    return Violation{44, "no incident that is open"};
  }
  if (closed.accepted.empty()) return std::nullopt;
  if (closed.accepted.size() > accepted_entries_max || closed.accepted.back() != entry.previous) {
    return Violation{45, "entries accepted that are not those before it"};
  }
  return std::nullopt;
}

void apply_act(State& state, const IncidentsClosed& closed, const JournalEntry& entry) {
  for (Incident& incident : state.incidents) {
    if (names(closed, incident) && incident.is_open()) incident.closed_by = entry.sequence;
  }
}

}  // namespace kist
