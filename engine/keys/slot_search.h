// Which slot objects a credential is tried on, and in which order. Anybody who may put objects can
// put slot objects on which trying a passphrase costs as much as on a genuine one, and all together
// may only cost so much. So the order decides whether planted objects can keep out a machine that
// has never opened the repository:
// 1. the slot that the journal's first entry is by, the first owner's: of the objects that say they
//    are that slot's, those whose signing key has signed the entry. Nobody else has that key;
// 2. the others, those that ask for little work before those that ask for much.
// Of one slot, the objects of one signing key stay together, the newest generation first, and the
// keys come in the order of their oldest generation: an object of another key that is planted under
// a later generation comes behind. A key file costs nothing to try: its slots are not read
// beforehand, and tried by id, the newest generation first. docs/format.md, "Slots".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/format/envelope.h"
#include "engine/format/names.h"
#include "engine/format/slot.h"
#include "engine/store/store.h"

namespace kist {

// Which slots are tried.
struct SlotChoice {
  std::optional<SlotId> preferred;  // first of all
  std::optional<SlotId> only;
  std::set<SlotId> except;
  std::optional<std::uint32_t> generation{};  // no other of any slot
  // No slot but these; of each its object of that generation, whether a listing shows it or not.
  std::optional<std::map<SlotId, std::uint32_t>> among{};
};

// A slot object to be tried.
struct SlotToTry {
  SlotPath path;
  std::uint64_t work = 0;  // of Argon2id: passes times KiB; 0 for a key file
};

// Slot objects that cannot be tried, for neither copy is what it should be.
struct DamagedSlots {
  std::optional<Error> first{};
  std::uint64_t count = 0;

  void add(const Error& error) {
    if (count++ == 0) first = error;
  }
};

// The slot objects that a credential of that kind is tried on, in that order, but for `preferred`.
std::vector<SlotToTry> slots_to_try(StoreReader& store,
                                    const RepositoryId& repository,
                                    SlotKind kind,
                                    const SlotChoice& choice,
                                    DamagedSlots& damaged);

// The parts of a slot object.
struct SlotObject {
  Envelope envelope;  // views into the bytes
  SlotClear clear;
};

// Error{corrupt} unless the object is of that slot and generation, and signed by the key that it
// names. Whose key that is, only the journal says.
SlotObject decode_slot_object(View bytes,
                              const std::string& copy_path,
                              const SlotPath& slot,
                              const RepositoryId& repository);

}  // namespace kist
