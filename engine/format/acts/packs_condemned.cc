#include "engine/format/acts/packs_condemned.h"

namespace kist {

void PacksCondemned::encode(ByteWriter& out) const {
  out.ids(packs);
}

PacksCondemned PacksCondemned::decode(ByteReader& in) {
  return {in.ids<ObjectHash>("packs")};
}

}  // namespace kist
