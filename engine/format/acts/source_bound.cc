#include "engine/format/acts/source_bound.h"

#include "engine/format/acts/policy.h"
#include "engine/format/limits.h"

namespace kist {

void SourceBound::encode(ByteWriter& out) const {
  out.text(source);
  out.id(slot);
  out.text(continues);
  out.u8(is_ended ? 1 : 0);
  out.text(reason);
}

SourceBound SourceBound::decode(ByteReader& in) {
  SourceBound out;
  out.source = in.text(text_bytes_max, "a source's name");
  out.slot = in.id<SlotId>();
  out.continues = in.text(text_bytes_max, "a source's name");
  out.is_ended = take_flag(in);
  out.reason = in.text(text_bytes_max, "a reason");
  return out;
}

}  // namespace kist
