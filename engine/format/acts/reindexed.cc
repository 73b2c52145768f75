#include "engine/format/acts/reindexed.h"

namespace kist {

void Reindexed::encode(ByteWriter& out) const {
  out.ids(replaced);
  out.ids(segments);
  out.ids(key_segments);
}

Reindexed Reindexed::decode(ByteReader& in) {
  Reindexed out;
  out.replaced = in.ids<ObjectHash>("index segments");
  out.segments = in.ids<ObjectHash>("index segments");
  out.key_segments = in.ids<ObjectHash>("key segments");
  return out;
}

}  // namespace kist
