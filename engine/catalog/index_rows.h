// The rows of the block index: tables, keys and values. Keys are big-endian, so that they sort by
// number; names and tags in them are hashed under a key of the machine's secret.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/catalog/block_index.h"

namespace kist::index_rows {

enum : Table {
  blocks_table,
  packs_table,
  pack_hashes_table,
  frames_table,
  block_runs_table,
  runs_table,
  sets_table,
  meta_table,
  table_count
};

inline constexpr std::string_view version_key = "version";
inline constexpr std::uint64_t version = 10;  // of the tables; another one is loaded anew
inline constexpr std::string_view loaded_key = "loaded";
inline constexpr std::string_view gap_key = "gap";
inline constexpr std::string_view gone_key = "gone";

// The number of a pack, or of an index segment, that an entry has removed.
inline constexpr std::uint32_t no_pack = UINT32_MAX;

using BlockKey = std::array<std::uint8_t, 24>;  // local hash of the tag, number

struct BlockRecord {
  BlockKey key{};
  std::array<std::uint32_t, 4> place{};  // pack, frame, offset, size
};

// Numbers that a segment of an entry lists.
struct EntryRun {
  bool is_whole = false;  // as in EntryRecord
  NumberRun numbers;      // none once the segment is retired
  ObjectHash segment;
};

BlockKey block_key(const LocalKey& key, const BlockTag& tag, std::uint64_t number);
// The name of a pack, for a row that leads from it to its number.
std::array<std::uint8_t, 16> pack_hash_key(const LocalKey& key, const ObjectHash& hash);
// A piece of what is kept of a snapshot's reference set.
std::array<std::uint8_t, 20> set_key(const LocalKey& key,
                                     const SnapshotSet& set,
                                     std::uint32_t piece);
std::array<std::uint8_t, 4> pack_key(std::uint32_t pack);
// The number that the next pack gets.
std::uint32_t packs_end(const Transaction& transaction);
// One row a run of numbers: values of the environment are small.
std::array<std::uint8_t, 12> run_key(std::uint64_t sequence, std::uint32_t run);
std::array<std::uint8_t, 8> frame_key(std::uint32_t pack, std::uint32_t frame);
std::array<std::uint8_t, 12> block_run_key(std::uint32_t pack,
                                           std::uint32_t frame,
                                           std::uint32_t run);
// Says that the rows of that pack do not count.
std::string gone_key_of(std::uint32_t pack);
// By a hash of the name of what could not be read: the key of a row is not hidden.
std::string gap_key_of(const LocalKey& key, const ObjectHash& hash);

Bytes encode_place(const std::array<std::uint32_t, 4>& place);
std::uint32_t pack_of_place(View value);
Bytes encode_pack(const PackRecord& pack);
PackRecord decode_pack(View value);
Bytes encode_frame(const FrameRecord& frame);
Bytes encode_run(const EntryRun& run);
EntryRun decode_run(View value);
Bytes encode_block_run(const BlockRun& run);

}  // namespace kist::index_rows
