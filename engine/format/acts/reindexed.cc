#include "engine/format/acts/reindexed.h"

namespace kist {

void Reindexed::encode(ByteWriter& out) const {
  out.u32(narrow<std::uint32_t>(replaced.size()));
  for (const ReplacedSegment& segment : replaced) {
    out.id(segment.hash);
    out.u32(segment.first_ordinal);
    out.u32(segment.count);
  }
  out.ids(segments);
  out.ids(key_segments);
}

Reindexed Reindexed::decode(ByteReader& in) {
  Reindexed out;
  out.replaced.resize(in.count(40, "index segments"));
  for (ReplacedSegment& segment : out.replaced) {
    segment = {.hash = in.id<ObjectHash>(), .first_ordinal = in.u32(), .count = in.u32()};
  }
  out.segments = in.ids<ObjectHash>("index segments");
  out.key_segments = in.ids<ObjectHash>("key segments");
  return out;
}

}  // namespace kist
