#include "engine/format/acts/unnamed_condemned.h"

namespace kist {

void UnnamedCondemned::encode(ByteWriter& out) const {
  out.ids(names);
}

UnnamedCondemned UnnamedCondemned::decode(ByteReader& in) {
  return {in.ids<ObjectHash>("names of objects")};
}

}  // namespace kist
