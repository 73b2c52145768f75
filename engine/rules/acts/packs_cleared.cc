#include <algorithm>

#include "engine/rules/acts/act_rules.h"
#include "engine/rules/acts/introductions.h"

namespace kist {

namespace {

bool may_clear(const State& state, const ObjectHash& pack, const SlotId& slot) {
  if (has_maintain(state, slot)) return state.is_condemned(pack);
  const auto doubted = state.doubted_packs.find(pack);
  return doubted != state.doubted_packs.end() && doubted->second == slot;
}

}  // namespace

std::optional<Capabilities> capability_for(const PacksCleared& /*act*/) {
  return can_read | can_maintain;
}

MaybeViolation check_act(const State& state,
                         const PacksCleared& cleared,
                         const JournalEntry& entry) {
  if (!are_in_order(cleared.packs)) return Violation{53, std::string(packs_reason)};
  const auto may = [&](const ObjectHash& pack) { return may_clear(state, pack, entry.author); };
  if (!std::ranges::all_of(cleared.packs, may)) {
    return Violation{54, "a pack that its author cannot clear"};
  }
  return std::nullopt;
}

void apply_act(State& state, const PacksCleared& cleared, const JournalEntry& /*entry*/) {
  for (const ObjectHash& pack : cleared.packs) {
    state.doubted_packs.erase(pack);
    if (state.condemned.contains(pack)) state.condemned.put(pack, false);
  }
}

}  // namespace kist
