#include "engine/format/acts/minimums_shortened.h"

#include "engine/format/limits.h"

namespace kist {

void MinimumsShortened::encode(ByteWriter& out) const {
  out.ids(snapshots);
  out.varint(minimum_seconds);
  out.text(reason);
}

MinimumsShortened MinimumsShortened::decode(ByteReader& in) {
  MinimumsShortened out;
  out.snapshots = in.ids<SnapshotId>("snapshots");
  out.minimum_seconds = in.varint();
  out.reason = in.text(text_bytes_max, "a reason");
  return out;
}

}  // namespace kist
