#include "engine/format/acts/hold_placed.h"

#include "engine/format/limits.h"

namespace kist {

void HoldParts::encode(ByteWriter& out) const {
  out.ids(snapshots);
  out.texts(sources);
}

HoldParts HoldParts::decode(ByteReader& in) {
  HoldParts out;
  out.snapshots = in.ids<SnapshotId>("snapshots");
  out.sources = in.texts(list_items_max, text_bytes_max);
  return out;
}

void HoldPlaced::encode(ByteWriter& out) const {
  out.text(matter);
  out.text(reason);
  parts.encode(out);
}

HoldPlaced HoldPlaced::decode(ByteReader& in) {
  HoldPlaced out;
  out.matter = in.text(text_bytes_max, "a matter");
  out.reason = in.text(text_bytes_max, "a reason");
  out.parts = HoldParts::decode(in);
  return out;
}

}  // namespace kist
