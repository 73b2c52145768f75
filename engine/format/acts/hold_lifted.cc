#include "engine/format/acts/hold_lifted.h"

#include "engine/format/limits.h"

namespace kist {

void HoldLifted::encode(ByteWriter& out) const {
  out.text(matter);
  out.text(reason);
  parts.encode(out);
}

HoldLifted HoldLifted::decode(ByteReader& in) {
  HoldLifted out;
  out.matter = in.text(text_bytes_max, "a matter");
  out.reason = in.text(text_bytes_max, "a reason");
  out.parts = HoldParts::decode(in);
  return out;
}

}  // namespace kist
