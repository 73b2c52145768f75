#include "engine/ops/verify/slot_checker.h"

#include <vector>

#include "engine/crypto/hash.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/journal/journal.h"
#include "engine/keys/epoch_secrets.h"
#include "engine/keys/slot_object.h"
#include "engine/store/twins.h"

namespace kist {

// Genesis cannot name the first owner's slot object: its signature is what can be checked.
CopyChecker::Check SlotChecker::signed_by(const std::string& path,
                                          const SigningPublicKey& key) const {
  return [this, path, key](View bytes) {
    const Envelope envelope =
        decode_envelope_of(bytes, path, ObjectType::slot, repository_.keyring().repository());
    if (is_signed_by(envelope, key)) return;
    throw Error(Code::corrupt, "its signature is not its slot's");
  };
}

// A slot that reads has all parts of the epoch, and so can make each box anew, compare, and put it
// where no copy is left.
void SlotChecker::check_epoch_box(const SlotState& slot) {
  const State& state = repository_.state();
  const SlotIntroduction& introduction = slot.introduction;
  const std::string path = epoch_box_path(state.epoch_number, state.epoch, introduction.slot);
  if (!reads_) return copies_.check_twins(path, slot.epoch_box, small_object_bytes_max);
  const Bytes due =
      make_epoch_box(repository_.keyring().origin(), introduction.slot, introduction.box_key,
                     {.parts = repository_.keyring().parts(), .least = state.beginning.least},
                     introduction.capabilities);
  if (hash_object(due) == slot.epoch_box) {
    for (const std::string& copy : copies_of(path)) {
      copies_.check_made(copy, due, small_object_bytes_max);
    }
    return;
  }
  copies_.check_twins(path, slot.epoch_box, small_object_bytes_max);
  report_(path, "it does not hold the epoch's secrets: who began the epoch has shut the slot out");
}

void SlotChecker::check_all() {
  std::vector<SlotState> slots;  // healing replays the journal, and the state's may go with that
  for (const SlotState* slot : repository_.state().current_slots()) {
    slots.push_back(*slot);
  }
  for (const SlotState& slot : slots) {
    const SlotIntroduction& introduction = slot.introduction;
    const SlotId& id = introduction.slot;
    copies_.check_twins(grant_path(id), introduction.grant, small_object_bytes_max);
    check_epoch_box(slot);
    if (slot.generation == 0) continue;  // a recipient that has not accepted yet has none
    const std::string path = slot_path(id, slot.generation);
    if (slot.slot_object != ObjectHash{}) {
      copies_.check_twins(path, slot.slot_object, slot_object_bytes_max);
      continue;
    }
    copies_.check_twins(path, slot_object_bytes_max, signed_by(path, introduction.signing_key));
  }
}

}  // namespace kist
