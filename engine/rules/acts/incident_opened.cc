#include "engine/rules/acts/act_rules.h"
#include "engine/rules/acts/introductions.h"

namespace kist {

std::optional<Capabilities> capability_for(const IncidentOpened& /*act*/) {
  return std::nullopt;
}

MaybeViolation check_act(const State& /*state*/,
                         const IncidentOpened& opened,
                         const JournalEntry& /*entry*/) {
  if (!are_in_order(opened.packs)) return Violation{55, std::string(packs_reason)};
  return std::nullopt;
}

void apply_act(State& state, const IncidentOpened& /*opened*/, const JournalEntry& entry) {
  note_incident(state, {.sequence = entry.sequence,
                        .author = entry.author,
                        .kind = IncidentKind::packs,
                        .reason = "packs that are missing or damaged"});
}

}  // namespace kist
