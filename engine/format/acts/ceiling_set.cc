#include "engine/format/acts/ceiling_set.h"

#include "engine/format/limits.h"

namespace kist {

void CeilingSet::encode(ByteWriter& out) const {
  out.varint(seconds);
  out.text(reason);
}

CeilingSet CeilingSet::decode(ByteReader& in) {
  CeilingSet out;
  out.seconds = in.varint();
  out.reason = in.text(text_bytes_max, "a reason");
  return out;
}

}  // namespace kist
