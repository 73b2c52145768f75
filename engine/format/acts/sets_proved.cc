#include "engine/format/acts/sets_proved.h"

namespace kist {

namespace {

void encode_judged(ByteWriter& out, const JudgedSet& judged) {
  out.id(judged.snapshot);
  out.id(judged.set);
}

JudgedSet decode_judged(ByteReader& in) {
  JudgedSet out;
  out.snapshot = in.id<SnapshotId>();
  out.set = in.id<ObjectHash>();
  return out;
}

}  // namespace

void SetsProved::encode(ByteWriter& out) const {
  out.u32(narrow<std::uint32_t>(equal.size()));
  for (const JudgedSet& judged : equal) {
    encode_judged(out, judged);
  }
  out.u32(narrow<std::uint32_t>(replaced.size()));
  for (const ReplacedSet& each : replaced) {
    encode_judged(out, each.judged);
    out.id(each.replacement);
  }
  out.ids(key_segments);
}

SetsProved SetsProved::decode(ByteReader& in) {
  SetsProved out;
  out.equal.resize(in.count(48, "sets"));
  for (JudgedSet& judged : out.equal) {
    judged = decode_judged(in);
  }
  out.replaced.resize(in.count(80, "sets"));
  for (ReplacedSet& each : out.replaced) {
    each.judged = decode_judged(in);
    each.replacement = in.id<ObjectHash>();
  }
  out.key_segments = in.ids<ObjectHash>("key segments");
  return out;
}

}  // namespace kist
