#include "engine/format/acts/epoch_ended.h"

#include <algorithm>

namespace kist {

void EpochEnded::encode(ByteWriter& out) const {
  out.id(former.epoch);
  out.u64(former.begun);
  out.raw(former.journal_key);
  out.id(epoch_key);
  out.ids(revoked);
  out.u32(narrow<std::uint32_t>(boxes.size()));
  for (const NamedBox& box : boxes) {
    out.id(box.slot);
    out.id(box.hash);
  }
  out.u32(narrow<std::uint32_t>(carried.size()));
  for (const CarriedSegment& segment : carried) {
    out.id(segment.name);
    out.ids(segment.replaces);
  }
  out.ids(dropped);
}

EpochEnded EpochEnded::decode(ByteReader& in) {
  EpochEnded out;
  out.former.epoch = in.id<EpochId>();
  out.former.begun = in.u64();
  std::ranges::copy(in.take(sealed_journal_key_size), out.former.journal_key.begin());
  out.epoch_key = in.id<BoxPublicKey>();
  out.revoked = in.ids<SlotId>("revoked slots");
  out.boxes.resize(in.count(SlotId::size + ObjectHash::size, "epoch boxes"));
  for (NamedBox& box : out.boxes) {
    box.slot = in.id<SlotId>();
    box.hash = in.id<ObjectHash>();
  }
  out.carried.resize(in.count(ObjectHash::size + 4, "key segments"));
  for (CarriedSegment& segment : out.carried) {
    segment.name = in.id<ObjectHash>();
    segment.replaces = in.ids<ObjectHash>("key segments");
  }
  out.dropped = in.ids<ObjectHash>("key segments");
  return out;
}

}  // namespace kist
