#include "engine/format/acts/genesis.h"

#include "engine/format/limits.h"

namespace kist {

void Genesis::encode(ByteWriter& out) const {
  out.u16(content.algorithm);
  out.u32(content.block_min);
  out.u32(content.block_target);
  out.u32(content.block_max);
  out.u32(content.frame_target);
  out.u8(content.compression);
  out.id(id_key);
  out.id(chunk_seed);
  beginning.encode(out);
  owner.encode(out);
  policy.encode(out);
  out.texts(features);
}

Genesis Genesis::decode(ByteReader& in) {
  Genesis out;
  out.content.algorithm = in.u16();
  out.content.block_min = in.u32();
  out.content.block_target = in.u32();
  out.content.block_max = in.u32();
  out.content.frame_target = in.u32();
  out.content.compression = in.u8();
  out.id_key = in.id<KeyHash>();
  out.chunk_seed = in.id<KeyHash>();
  out.beginning = EpochBeginning::decode(in);
  out.owner = SlotIntroduction::decode(in);
  out.policy = Policy::decode(in);
  out.features = in.texts(features_max, name_bytes_max);
  return out;
}

}  // namespace kist
