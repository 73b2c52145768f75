#include "engine/format/acts/dead_condemned.h"

namespace kist {

void DeadCondemned::encode(ByteWriter& out) const {
  out.ids(segments);
}

DeadCondemned DeadCondemned::decode(ByteReader& in) {
  return {in.ids<ObjectHash>("index segments")};
}

}  // namespace kist
