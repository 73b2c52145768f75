#include "engine/format/acts/snapshots_unretired.h"

#include "engine/format/limits.h"

namespace kist {

void SnapshotsUnretired::encode(ByteWriter& out) const {
  out.ids(snapshots);
  out.i64(keep_until_ms);
  out.text(reason);
}

SnapshotsUnretired SnapshotsUnretired::decode(ByteReader& in) {
  SnapshotsUnretired out;
  out.snapshots = in.ids<SnapshotId>("snapshots");
  out.keep_until_ms = in.i64();
  out.reason = in.text(text_bytes_max, "a reason");
  return out;
}

}  // namespace kist
