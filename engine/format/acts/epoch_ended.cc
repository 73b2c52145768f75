#include "engine/format/acts/epoch_ended.h"

#include <algorithm>

#include "engine/format/acts/policy.h"

namespace kist {

void EpochEnded::encode(ByteWriter& out) const {
  out.id(former.epoch);
  out.u64(former.begun);
  out.raw(former.journal_key);
  beginning.encode(out);
  out.u8(forgets ? 1 : 0);
  out.ids(revoked);
  out.u32(narrow<std::uint32_t>(boxes.size()));
  for (const NamedBox& box : boxes) {
    out.id(box.slot);
    out.id(box.hash);
  }
  out.u32(narrow<std::uint32_t>(keys.size()));
  for (const KeyRange& range : keys) {
    out.u64(range.last);
    out.ids(range.segments);
  }
  out.u64(dropped_count);
  encode_replaced_segments(out, ended.segments);
  out.ids(ended.snapshots);
  out.ids(ended.forgotten);
  out.ids(ended.names);
}

EpochEnded EpochEnded::decode(ByteReader& in) {
  EpochEnded out;
  out.former.epoch = in.id<EpochId>();
  out.former.begun = in.u64();
  std::ranges::copy(in.take(sealed_journal_key_size), out.former.journal_key.begin());
  out.beginning = EpochBeginning::decode(in);
  out.forgets = take_flag(in);
  out.revoked = in.ids<SlotId>("revoked slots");
  out.boxes.resize(in.count(SlotId::size + ObjectHash::size, "epoch boxes"));
  for (NamedBox& box : out.boxes) {
    box.slot = in.id<SlotId>();
    box.hash = in.id<ObjectHash>();
  }
  out.keys.resize(in.count(8 + 4, "ranges of keys"));
  for (KeyRange& range : out.keys) {
    range.last = in.u64();
    range.segments = in.ids<ObjectHash>("key segments");
  }
  out.dropped_count = in.u64();
  out.ended.segments = decode_replaced_segments(in);
  out.ended.snapshots = in.ids<SnapshotId>("snapshots");
  out.ended.forgotten = in.ids<SnapshotId>("snapshots");
  out.ended.names = in.ids<ObjectHash>("names of objects");
  return out;
}

}  // namespace kist
