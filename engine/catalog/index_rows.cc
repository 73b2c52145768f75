#include "engine/catalog/index_rows.h"

#include <algorithm>

#include "engine/crypto/hash.h"

namespace kist::index_rows {

BlockKey block_key(const LocalKey& key, const BlockTag& tag, std::uint64_t number) {
  BlockKey out{};
  std::ranges::copy(short_hash_128(key, tag.bytes), out.begin());
  std::ranges::copy(to_big_endian(number), out.begin() + 16);
  return out;
}

std::array<std::uint8_t, 16> pack_hash_key(const LocalKey& key, const ObjectHash& hash) {
  return short_hash_128(key, hash.bytes);
}

std::array<std::uint8_t, 20> set_key(const LocalKey& key,
                                     const SnapshotSet& set,
                                     std::uint32_t piece) {
  ByteWriter name;
  name.id(set.snapshot);
  name.id(set.set);
  std::array<std::uint8_t, 20> out{};
  std::ranges::copy(short_hash_128(key, name.view()), out.begin());
  std::ranges::copy(to_big_endian(piece), out.begin() + 16);
  return out;
}

std::uint32_t packs_end(const Transaction& transaction) {
  const std::optional<Bytes> last = transaction.last_key(packs_table);
  return last ? from_big_endian<std::uint32_t>(*last) + 1 : 0;
}

std::array<std::uint8_t, 4> pack_key(std::uint32_t pack) {
  return to_big_endian(pack);
}

std::array<std::uint8_t, 12> run_key(std::uint64_t sequence, std::uint32_t run) {
  std::array<std::uint8_t, 12> out{};
  std::ranges::copy(to_big_endian(sequence), out.begin());
  std::ranges::copy(to_big_endian(run), out.begin() + 8);
  return out;
}

std::array<std::uint8_t, 8> frame_key(std::uint32_t pack, std::uint32_t frame) {
  std::array<std::uint8_t, 8> out{};
  std::ranges::copy(to_big_endian(pack), out.begin());
  std::ranges::copy(to_big_endian(frame), out.begin() + 4);
  return out;
}

std::array<std::uint8_t, 12> block_run_key(std::uint32_t pack,
                                           std::uint32_t frame,
                                           std::uint32_t run) {
  std::array<std::uint8_t, 12> out{};
  std::ranges::copy(frame_key(pack, frame), out.begin());
  std::ranges::copy(to_big_endian(run), out.begin() + 8);
  return out;
}

Bytes encode_place(const std::array<std::uint32_t, 4>& place) {
  ByteWriter out;
  for (const std::uint32_t value : place) {
    out.u32(value);
  }
  return out.take();
}

std::uint32_t pack_of_place(View value) {
  return ByteReader(value, "index record").u32();
}

Bytes encode_pack(const PackRecord& pack) {
  ByteWriter out;
  out.id(pack.hash);
  out.u64(pack.sequence);
  out.id(pack.key_segment);
  out.id(pack.segment);
  out.u16(static_cast<std::uint16_t>(pack.kind));
  out.u64(pack.size);
  out.u32(pack.frame_count);
  out.u32(pack.number_count);
  return out.take();
}

Bytes encode_frame(const FrameRecord& frame) {
  ByteWriter out;
  out.u32(frame.place.offset);
  out.u32(frame.place.contents_size);
  out.u32(frame.place.list_size);
  out.u8(static_cast<std::uint8_t>(frame.encoding));
  out.u32(frame.plain_size);
  out.u64(frame.first_number);
  out.u8(frame.is_rewritten ? 1 : 0);
  return out.take();
}

PackRecord decode_pack(View value) {
  ByteReader in(value, "index record");
  PackRecord out;
  out.hash = in.id<ObjectHash>();
  out.sequence = in.u64();
  out.key_segment = in.id<ObjectHash>();
  out.segment = in.id<ObjectHash>();
  out.kind = static_cast<PackKind>(in.u16());
  out.size = in.u64();
  out.frame_count = in.u32();
  out.number_count = in.u32();
  return out;
}

Bytes encode_run(const EntryRun& run) {
  ByteWriter out;
  out.u8(run.is_whole ? 1 : 0);
  out.u64(run.numbers.first);
  out.u64(run.numbers.count);
  out.id(run.segment);
  return out.take();
}

EntryRun decode_run(View value) {
  ByteReader in(value, "index record");
  EntryRun out;
  out.is_whole = in.u8() != 0;
  out.numbers = {.first = in.u64(), .count = in.u64()};
  out.segment = in.id<ObjectHash>();
  return out;
}

Bytes encode_block_run(const BlockRun& run) {
  ByteWriter out;
  out.u32(run.block);
  out.u64(run.first);
  out.u32(run.count);
  return out.take();
}

std::string gone_key_of(std::uint32_t pack) {
  return concat(gone_key, as_text(pack_key(pack)));
}

std::string gap_key_of(const LocalKey& key, const ObjectHash& hash) {
  return concat(gap_key, as_text(short_hash_128(key, hash.bytes)));
}

}  // namespace kist::index_rows
