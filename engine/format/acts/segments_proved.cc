#include "engine/format/acts/segments_proved.h"

namespace kist {

void SegmentsProved::encode(ByteWriter& out) const {
  out.ids(segments);
}

SegmentsProved SegmentsProved::decode(ByteReader& in) {
  return {in.ids<ObjectHash>("index segments")};
}

}  // namespace kist
