#include "engine/format/acts/snapshot_taken.h"

#include "engine/format/envelope.h"
#include "engine/format/limits.h"

namespace kist {

namespace {

constexpr std::uint64_t segment_size = ObjectHash::size + 1;  // name, stream
static_assert(segment_size == 33);

constexpr std::uint64_t reserved_step = 64;

constexpr std::uint8_t mark_partial = 1;
constexpr std::uint8_t mark_suspicious = 2;

}  // namespace

// From 1,024 on Padmé sizes are multiples of 64 themselves; below, every multiple of 64 is one.
std::uint64_t reserved_count(std::uint64_t blocks) {
  if (blocks == 0) return 0;
  return padme((blocks + reserved_step - 1) / reserved_step * reserved_step);
}

void SnapshotTaken::encode(ByteWriter& out) const {
  out.id(snapshot);
  out.u8(is_pending ? 1 : 0);
  out.id(replaces);
  out.text(source);
  out.text(policy);
  out.varint(minimum_seconds);
  out.varint(maximum_seconds);
  out.u8(static_cast<std::uint8_t>(lock));
  out.i64(started_ms);
  out.u8((is_partial ? mark_partial : 0) | (is_suspicious ? mark_suspicious : 0));
  out.id(body);
  out.id(reference_set);
  out.u64(numbers.first_number);
  out.u32(numbers.data);
  out.u32(numbers.meta);
  out.u32(narrow<std::uint32_t>(segments.size()));
  for (const SegmentIntroduction& segment : segments) {
    out.id(segment.index_segment);
    out.u8(static_cast<std::uint8_t>(segment.stream));
  }
  out.ids(key_segments);
}

SnapshotTaken SnapshotTaken::decode(ByteReader& in) {
  SnapshotTaken out;
  out.snapshot = in.id<SnapshotId>();
  out.is_pending = take_flag(in);
  out.replaces = in.id<SnapshotId>();
  out.source = in.text(text_bytes_max, "a source's name");
  out.policy = in.text(text_bytes_max, "a policy's name");
  out.minimum_seconds = in.varint();
  out.maximum_seconds = in.varint();
  out.lock = take_lock(in);
  out.started_ms = in.i64();
  const std::uint8_t marks = in.u8();
  in.require(marks <= (mark_partial | mark_suspicious), "an unknown mark of a snapshot");
  out.is_partial = (marks & mark_partial) != 0;
  out.is_suspicious = (marks & mark_suspicious) != 0;
  out.body = in.id<ObjectHash>();
  out.reference_set = in.id<ObjectHash>();
  out.numbers.first_number = in.u64();
  out.numbers.data = in.u32();
  out.numbers.meta = in.u32();
  out.segments.resize(in.count(segment_size, "segments"));
  for (SegmentIntroduction& segment : out.segments) {
    segment.index_segment = in.id<ObjectHash>();
    const std::uint8_t stream = in.u8();
    in.require(stream == 1 || stream == 2, "an unknown stream");
    segment.stream = static_cast<PackKind>(stream);
  }
  out.key_segments = in.ids<ObjectHash>("key segments");
  return out;
}

}  // namespace kist
