#include "engine/format/acts/slot_rewrapped.h"

#include "engine/format/acts/slot_introduction.h"

namespace kist {

void SlotRewrapped::encode(ByteWriter& out) const {
  out.u32(generation);
  out.u8(static_cast<std::uint8_t>(kind));
  out.id(slot_object);
}

SlotRewrapped SlotRewrapped::decode(ByteReader& in) {
  SlotRewrapped out;
  out.generation = in.u32();
  out.kind = take_slot_kind(in);
  out.slot_object = in.id<ObjectHash>();
  return out;
}

}  // namespace kist
