#include <algorithm>

#include "engine/rules/acts/act_rules.h"
#include "engine/rules/acts/introductions.h"
#include "engine/rules/validate.h"

namespace kist {

std::optional<Capabilities> capability_for(const PacksCondemned& /*act*/) {
  return can_read | can_maintain;
}

MaybeViolation check_act(const State& state,
                         const PacksCondemned& condemned,
                         const JournalEntry& entry) {
  if (!are_in_order(condemned.packs)) return Violation{51, std::string(packs_reason)};
  if (has_maintain(state, entry.author)) return std::nullopt;
  std::size_t more = 0;
  for (const ObjectHash& pack : condemned.packs) {
    if (!state.is_condemned(pack)) ++more;
  }
  if (state.doubted_packs.size() + more > doubted_packs_max) {
    return Violation{52, "more packs than slots without maintain may condemn"};
  }
  return std::nullopt;
}

void apply_act(State& state, const PacksCondemned& condemned, const JournalEntry& entry) {
  const bool is_by_maintain = has_maintain(state, entry.author);
  for (const ObjectHash& pack : condemned.packs) {
    if (is_by_maintain) {
      state.doubted_packs.erase(pack);
      state.condemned.put(pack, true);
    } else if (!state.condemned.find(pack).value_or(false)) {
      state.doubted_packs.emplace(pack, entry.author);
    }
  }
}

}  // namespace kist
