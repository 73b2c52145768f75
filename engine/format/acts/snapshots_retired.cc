#include "engine/format/acts/snapshots_retired.h"

#include "engine/format/limits.h"

namespace kist {

RetireCause take_retire_cause(ByteReader& in) {
  const std::uint8_t cause = in.u8();
  in.require(cause >= 1 && cause <= 4, "an unknown cause of retirement");
  return static_cast<RetireCause>(cause);
}

void SnapshotsRetired::encode(ByteWriter& out) const {
  out.u32(narrow<std::uint32_t>(snapshots.size()));
  for (const RetiredSnapshot& each : snapshots) {
    out.id(each.snapshot);
    out.u8(static_cast<std::uint8_t>(each.cause));
  }
  out.i64(planned_ms);
  out.text(reason);
}

SnapshotsRetired SnapshotsRetired::decode(ByteReader& in) {
  SnapshotsRetired out;
  out.snapshots.resize(in.count(SnapshotId::size + 1, "snapshots"));
  for (RetiredSnapshot& each : out.snapshots) {
    each.snapshot = in.id<SnapshotId>();
    each.cause = take_retire_cause(in);
  }
  out.planned_ms = in.i64();
  out.reason = in.text(text_bytes_max, "a reason");
  return out;
}

}  // namespace kist
