#include "engine/format/acts/reindexed.h"

namespace kist {

void encode_replaced_segments(ByteWriter& out, const std::vector<ReplacedSegment>& segments) {
  out.u32(narrow<std::uint32_t>(segments.size()));
  for (const ReplacedSegment& segment : segments) {
    out.id(segment.hash);
    out.u32(segment.first_ordinal);
    out.u32(segment.count);
  }
}

std::vector<ReplacedSegment> decode_replaced_segments(ByteReader& in) {
  std::vector<ReplacedSegment> out(in.count(40, "index segments"));
  for (ReplacedSegment& segment : out) {
    segment = {.hash = in.id<ObjectHash>(), .first_ordinal = in.u32(), .count = in.u32()};
  }
  return out;
}

void Reindexed::encode(ByteWriter& out) const {
  encode_replaced_segments(out, replaced);
  out.ids(segments);
  out.ids(key_segments);
}

Reindexed Reindexed::decode(ByteReader& in) {
  Reindexed out;
  out.replaced = decode_replaced_segments(in);
  out.segments = in.ids<ObjectHash>("index segments");
  out.key_segments = in.ids<ObjectHash>("key segments");
  return out;
}

}  // namespace kist
