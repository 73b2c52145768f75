#include "engine/repository/new_slot.h"

#include "engine/crypto/hash.h"
#include "engine/format/names.h"
#include "engine/keys/epoch_box.h"
#include "engine/keys/grant.h"
#include "engine/store/twins.h"

namespace kist {

ObjectHash put_epoch_box(StoreWriter& store,
                         const ObjectOrigin& origin,
                         const Secrets& secrets,
                         const NewSlot& slot) {
  const Bytes box = make_epoch_box(
      origin, slot.slot, slot.keys.box,
      {secrets.journal_key, secrets.index_key, secrets.epoch_secret, slot.epoch_begun},
      slot.may(can_read));
  put_twinned(store, epoch_box_path(origin.epoch_number, origin.epoch, slot.slot), box);
  return hash_object(box);
}

SlotIntroduction put_grant_and_box(StoreWriter& store,
                                   const ObjectOrigin& origin,
                                   const Secrets& secrets,
                                   const NewSlot& slot,
                                   Random& random) {
  const GrantSecrets granted{slot.may(can_write | can_read) ? &secrets.id_key : nullptr,
                             slot.may(can_write) ? &secrets.chunk_seed : nullptr};
  const Bytes grant = make_grant(origin, secrets.signing_seed, slot.keys.box, granted, random);
  put_twinned(store, grant_path(slot.slot), grant);
  SlotIntroduction out;
  out.slot = slot.slot;
  out.kind = slot.kind;
  out.capabilities = slot.capabilities;
  out.name = slot.name;
  out.sources = slot.sources;
  out.signing_key = slot.keys.signing;
  out.box_key = slot.keys.box;
  out.grant = hash_object(grant);
  out.epoch_box = put_epoch_box(store, origin, secrets, slot);
  return out;
}

}  // namespace kist
