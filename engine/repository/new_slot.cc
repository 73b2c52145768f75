#include "engine/repository/new_slot.h"

#include "engine/crypto/hash.h"
#include "engine/format/names.h"
#include "engine/keys/epoch_secrets.h"
#include "engine/keys/grant.h"

namespace kist {

NewSlotObjects make_grant_and_box(const ObjectOrigin& origin,
                                  const Secrets& secrets,
                                  const NewSlot& slot,
                                  Random& random) {
  const GrantSecrets granted{slot.may(can_write | can_read) ? &secrets.id_key : nullptr,
                             slot.may(can_write) ? &secrets.chunk_seed : nullptr};
  NewSlotObjects out;
  out.grant = {grant_path(slot.slot),
               make_grant(origin, secrets.signing_seed, slot.keys.box, granted, random)};
  out.box = {
      epoch_box_path(origin.epoch_number, origin.epoch, slot.slot),
      make_epoch_box(origin, slot.slot, slot.keys.box,
                     {.parts = secrets.parts, .least = slot.epoch_least}, slot.capabilities)};
  SlotIntroduction& introduction = out.introduction;
  introduction.slot = slot.slot;
  introduction.kind = slot.kind;
  introduction.capabilities = slot.capabilities;
  introduction.name = slot.name;
  introduction.sources = slot.sources;
  introduction.signing_key = slot.keys.signing;
  introduction.box_key = slot.keys.box;
  introduction.grant = hash_object(out.grant.bytes);
  introduction.epoch_box = hash_object(out.box.bytes);
  return out;
}

}  // namespace kist
