#include "engine/rules/removal.h"

#include <algorithm>

namespace kist {

std::optional<std::string> reason_to_remove(const State& state, const Listed& listed) {
  Judgement judgement = judge(state, listed);
  if (judgement.standing != ObjectStanding::ended) return std::nullopt;
  return std::move(judgement.reason);
}

RemovalPlan plan_ended_objects(const State& state, const std::vector<Listed>& listed) {
  // Any entry up to the head may be the one that has ended an object: an epoch's end, a new secret.
  RemovalPlan out{.removals = {}, .entry = state.next_sequence - 1};
  for (const Listed& object : listed) {
    if (auto reason = reason_to_remove(state, object)) {
      out.removals.push_back({object.path, std::move(*reason)});
    }
  }
  return out;
}

RemovalPlan plan_after_epoch_end(const State& state,
                                 const std::vector<SlotId>& revoked,
                                 const std::vector<Listed>& listed) {
  RemovalPlan out{.removals = {}, .entry = state.next_sequence};
  for (const Listed& object : listed) {
    if (auto reason = reason_after_epoch_end(state, revoked, object)) {
      out.removals.push_back({object.path, std::move(*reason)});
    }
  }
  return out;
}

RemovalPlan plan_replaced_slot_objects(const State& state,
                                       const SlotId& slot,
                                       const std::vector<std::uint32_t>& generations) {
  const auto known = state.slots.find(slot);
  if (known == state.slots.end()) return {};
  std::vector<Listed> replaced;
  for (const std::uint32_t generation : generations) {
    if (generation >= known->second.generation) continue;
    const std::string path = slot_path(slot, generation);
    replaced.push_back({path});
    replaced.push_back({second_copy_path(path)});
  }
  return plan_ended_objects(state, replaced);
}

EpochSlots plan_epoch_slots(const State& state, const std::vector<SlotId>& revoked) {
  EpochSlots out;
  for (const SlotState* slot : state.current_slots()) {
    const SlotId& id = slot->introduction.slot;
    (std::ranges::count(revoked, id) > 0 ? out.shut_out : out.kept).push_back(id);
  }
  return out;
}

}  // namespace kist
