#include "engine/format/acts/features_required.h"

#include "engine/format/limits.h"

namespace kist {

void FeaturesRequired::encode(ByteWriter& out) const {
  out.texts(features);
}

FeaturesRequired FeaturesRequired::decode(ByteReader& in) {
  return {in.texts(features_max, name_bytes_max)};
}

}  // namespace kist
