#include "engine/format/acts/packs_cleared.h"

namespace kist {

void PacksCleared::encode(ByteWriter& out) const {
  out.ids(packs);
}

PacksCleared PacksCleared::decode(ByteReader& in) {
  return {in.ids<ObjectHash>("packs")};
}

}  // namespace kist
