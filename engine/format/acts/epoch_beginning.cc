#include "engine/format/acts/epoch_beginning.h"

#include <algorithm>

#include "engine/format/limits.h"

namespace kist {

void EpochBeginning::encode(ByteWriter& out) const {
  out.u64(least);
  out.raw(share);
  out.id(anchor);
  out.id(epoch_key);
  out.id(audit_key);
  out.u8(static_cast<std::uint8_t>(place));
  out.text(place_label);
}

EpochBeginning EpochBeginning::decode(ByteReader& in) {
  EpochBeginning out;
  out.least = in.u64();
  std::ranges::copy(in.take(out.share.size()), out.share.begin());
  out.anchor = in.id<ObjectHash>();
  out.epoch_key = in.id<BoxPublicKey>();
  out.audit_key = in.id<BoxPublicKey>();
  const std::uint8_t place = in.u8();
  in.require(place <= 1, "an unknown place of an anchor");
  out.place = static_cast<AnchorPlace>(place);
  out.place_label = in.text(name_bytes_max, "a place's name");
  return out;
}

}  // namespace kist
