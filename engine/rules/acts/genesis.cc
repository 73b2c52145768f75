#include "engine/rules/acts/act_rules.h"
#include "engine/rules/acts/introductions.h"
#include "engine/rules/features.h"
#include "engine/rules/policy.h"

namespace kist {

std::optional<Capabilities> capability_for(const Genesis& /*act*/) {
  return can_own;
}

MaybeViolation check_act(const State& state, const Genesis& genesis, const JournalEntry& entry) {
  if (entry.sequence != 0) return Violation{11, "a second genesis"};
  if (genesis.content.algorithm != 1 || !is_chunking_allowed(genesis.content.chunker())) {
    return Violation{12, "chunking that is not allowed"};
  }
  if (auto violation = check_features(state, genesis.features)) return violation;
  if (auto violation = check_beginning(state, genesis.beginning, entry)) return violation;
  if (genesis.owner.slot != entry.author) {
    return Violation{14, "the author is not the first owner"};
  }
  if (genesis.owner.capabilities != owner_capabilities) {
    return Violation{15, "the first slot is no owner"};
  }
  if (auto violation = check_introduction(state, genesis.owner)) return violation;
  return check_policy(genesis.policy, ceiling_seconds_at_first);
}

void apply_act(State& state, const Genesis& genesis, const JournalEntry& entry) {
  state.genesis = genesis;
  state.epoch_number = entry.epoch_number;
  state.epoch = entry.epoch;
  state.beginning = genesis.beginning;
  state.epochs.insert(entry.epoch);
  state.kept_from_epoch = entry.epoch;
  state.ceiling_seconds = ceiling_seconds_at_first;
  state.policies.emplace(genesis.policy.name, genesis.policy);
  state.features.insert(genesis.features.begin(), genesis.features.end());
  add_slot(state, genesis.owner, entry);
}

}  // namespace kist
