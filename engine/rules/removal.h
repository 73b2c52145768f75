// Plans of removal: which of the listed objects go, each with the reason. Pure: no I/O and no
// clock, so that a dry run prints, a test compares and a verb executes one and the same plan.
//
// Invariant: an object is in a plan only if it has ended by the rules of standing.h: the head does
// not name it, and nothing that may be under way explains it. What has ended never becomes current
// again, except that an entry may come to name an object after the plan was made;
// reason_to_remove() is asked again for that. docs/format.md, "Cleaning up";
// docs/decisions/0016-plan-first.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/format/names.h"
#include "engine/rules/standing.h"
#include "engine/rules/state.h"

namespace kist {

struct Removal {
  std::string path;
  std::string reason;  // such as "of epoch 3, which ended with journal entry 120"
  bool operator==(const Removal&) const = default;
};

struct RemovalPlan {
  std::vector<Removal> removals;
  // The last journal entry that the plan relies on. It must be durable before anything goes: a
  // power cut could otherwise take the entry and leave the removal.
  std::uint64_t entry = 0;
};

// Why the object goes; nothing: it stays. Never answers for folders other than those of standing.h.
[[nodiscard]] std::optional<std::string> reason_to_remove(const State& state, const Listed& listed);

// The objects that have ended.
[[nodiscard]] RemovalPlan plan_ended_objects(const State& state, const std::vector<Listed>& listed);

// The same as it will be when the next entry has ended the current epoch and revoked those slots:
// all objects of the current epoch go, and those of attempts that are not committed by then.
[[nodiscard]] RemovalPlan plan_after_epoch_end(const State& state,
                                               const std::vector<SlotId>& revoked,
                                               const std::vector<Listed>& listed);

// Both copies of the slot's objects of those generations, where the journal names a newer one.
[[nodiscard]] RemovalPlan plan_replaced_slot_objects(const State& state,
                                                     const SlotId& slot,
                                                     const std::vector<std::uint32_t>& generations);

// Which slots an epoch's end takes along. Each current slot is in one of the lists; ascending.
struct EpochSlots {
  std::vector<SlotId> kept;      // get a box of the new epoch
  std::vector<SlotId> shut_out;  // revoked
};

[[nodiscard]] EpochSlots plan_epoch_slots(const State& state, const std::vector<SlotId>& revoked);

}  // namespace kist
