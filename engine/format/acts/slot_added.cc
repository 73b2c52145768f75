#include "engine/format/acts/slot_added.h"

namespace kist {

void SlotAdded::encode(ByteWriter& out) const {
  slot.encode(out);
}

SlotAdded SlotAdded::decode(ByteReader& in) {
  return {SlotIntroduction::decode(in)};
}

}  // namespace kist
