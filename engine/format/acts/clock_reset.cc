#include "engine/format/acts/clock_reset.h"

#include "engine/format/limits.h"

namespace kist {

void ClockReset::encode(ByteWriter& out) const {
  out.text(reason);
}

ClockReset ClockReset::decode(ByteReader& in) {
  return {in.text(text_bytes_max, "a reason")};
}

}  // namespace kist
