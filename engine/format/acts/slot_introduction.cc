#include "engine/format/acts/slot_introduction.h"

#include "engine/format/limits.h"

namespace kist {

void SlotIntroduction::encode(ByteWriter& out) const {
  out.id(slot);
  out.u8(static_cast<std::uint8_t>(kind));
  out.u8(capabilities);
  out.text(name);
  out.id(signing_key);
  out.id(box_key);
  out.id(grant);
  out.id(epoch_box);
  out.id(slot_object);
  out.texts(sources);
}

SlotIntroduction SlotIntroduction::decode(ByteReader& in) {
  SlotIntroduction out;
  out.slot = in.id<SlotId>();
  out.kind = take_slot_kind(in);
  out.capabilities = in.u8();
  in.require(out.capabilities != 0 && out.capabilities <= owner_capabilities,
             "unknown capabilities");
  out.name = in.text(text_bytes_max, "a slot's name");
  out.signing_key = in.id<SigningPublicKey>();
  out.box_key = in.id<BoxPublicKey>();
  out.grant = in.id<ObjectHash>();
  out.epoch_box = in.id<ObjectHash>();
  out.slot_object = in.id<ObjectHash>();
  out.sources = in.texts(list_items_max, text_bytes_max);
  return out;
}

SlotKind take_slot_kind(ByteReader& in) {
  const std::uint8_t kind = in.u8();
  in.require(kind >= 1 && kind <= 4, "an unknown kind of slot");
  return static_cast<SlotKind>(kind);
}

}  // namespace kist
