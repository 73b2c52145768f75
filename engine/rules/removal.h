// Plans of removal: which of the listed objects go, each with the reason. Pure: no I/O and no
// clock, so that a dry run prints, a test compares and a verb executes one and the same plan.
//
// Invariant: an object is in a plan only if the journal explains why it has ended. Every other
// object stays: one that cannot be told, one of an epoch that may yet begin, the damaged copy of an
// object that the state names. What has ended never becomes current again, except that an entry may
// come to name an object after the plan was made; reason_to_remove() is asked again for that.
// docs/format.md, "Epochs"; docs/decisions/0016-plan-first.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/format/names.h"
#include "engine/rules/state.h"

namespace kist {

// An object of the store, and what was read of it. Slot objects and epoch boxes are told by their
// paths alone.
struct Listed {
  std::string path;  // such as "keys/3f9a….2"
  // Of a key segment: the epoch in its header. Nothing: the header could not be read, or it is not
  // that of a key segment of this repository.
  std::optional<EpochBoxPath> header{};
  // Of all its bytes. Nothing: they were not asked for (see asks_for_hash), or could not be read.
  std::optional<ObjectHash> hash{};
};

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

// Whether the rules tell the object only by the hash of all its bytes: the state names it, and its
// header calls it one of an epoch that has ended. A damaged header does that too.
[[nodiscard]] bool asks_for_hash(const State& state, const Listed& listed);

// Why the object goes; nothing: it stays. Never answers for folders other than epochs/, keys/ and
// slots/.
[[nodiscard]] std::optional<std::string> reason_to_remove(const State& state, const Listed& listed);

// Objects of epochs/ and keys/ that only an epoch that has ended, or an attempt that was not
// committed, could open. Empty in the first epoch: nothing has ended then.
[[nodiscard]] RemovalPlan plan_ended_objects(const State& state, const std::vector<Listed>& listed);

// The same as it will be when the next entry has ended the current epoch: all objects of the
// current epoch go, and those of attempts that are not committed by then. Key segments are carried
// on as new objects, so none that the state names now will be named.
[[nodiscard]] RemovalPlan plan_after_epoch_end(const State& state,
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
