#include "engine/ops/epoch/new_epoch.h"

#include "engine/crypto/hash.h"
#include "engine/store/twins.h"

namespace kist {

NewEpoch draw_epoch(const Repository& repository) {
  Random& random = repository.services().random;
  NewEpoch out;
  out.origin = repository.keyring().origin();
  out.origin.epoch_number = repository.state().epoch_number + 1;
  out.origin.epoch = random.draw_id<EpochId>();
  out.parts = draw_epoch_parts(random);
  out.shares = draw_epoch_shares(random);
  out.secrets = derive_epoch_secrets(out.parts, out.shares.entry, out.shares.anchor);
  out.beginning =
      make_beginning(out.parts, out.shares, hash_object(make_anchor(out.origin, out.shares.anchor)),
                     repository.state().next_sequence);
  return out;
}

Bytes make_box(const NewEpoch& epoch, const SlotIntroduction& slot) {
  return make_epoch_box(epoch.origin, slot.slot, slot.box_key,
                        {.parts = epoch.parts, .least = epoch.beginning.least}, slot.capabilities);
}

void require_stored(const Repository& repository, const std::string& name, View bytes) {
  for (const std::string& copy : copies_of(name)) {
    if (equal(get_object(repository.reader(), copy, bytes.size()), bytes)) continue;
    throw Error(Code::corrupt, concat(copy, " is not what was just written; nothing has changed"));
  }
}

}  // namespace kist
