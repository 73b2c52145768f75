#include "engine/format/acts/segments_given_up.h"

namespace kist {

void SegmentsGivenUp::encode(ByteWriter& out) const {
  out.ids(segments);
}

SegmentsGivenUp SegmentsGivenUp::decode(ByteReader& in) {
  return {in.ids<ObjectHash>("index segments")};
}

}  // namespace kist
