#include "engine/catalog/block_index.h"

#include <algorithm>

#include "engine/catalog/local_keys.h"
#include "engine/crypto/hash.h"

namespace kist {

namespace {

constexpr std::uint64_t index_map_bytes = std::uint64_t{256} << 30U;

enum : Table {
  blocks_table,
  packs_table,
  pack_hashes_table,
  frames_table,
  runs_table,
  meta_table,
  table_count
};

constexpr std::string_view version_key = "version";
constexpr std::uint64_t version = 5;  // of the tables; another one is loaded anew
constexpr std::string_view loaded_key = "loaded";
constexpr std::string_view gap_key = "gap";

using BlockKey = std::array<std::uint8_t, 24>;  // local hash of the tag, number

// Keys are big-endian, so that they sort by number.
BlockKey block_key(const LocalKey& key, const BlockTag& tag, std::uint64_t number) {
  BlockKey out{};
  std::ranges::copy(short_hash_128(key, tag.bytes), out.begin());
  std::ranges::copy(to_big_endian(number), out.begin() + 16);
  return out;
}

// The name of a pack, for a row that leads from it to its number.
std::array<std::uint8_t, 16> pack_hash_key(const LocalKey& key, const ObjectHash& hash) {
  return short_hash_128(key, hash.bytes);
}

std::array<std::uint8_t, 4> pack_key(std::uint32_t pack) {
  return to_big_endian(pack);
}

// One row a run of numbers: values of the environment are small.
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

struct BlockRecord {
  BlockKey key{};
  std::array<std::uint32_t, 4> place{};  // pack, frame, offset, size
};

Bytes encode_place(const std::array<std::uint32_t, 4>& place) {
  ByteWriter out;
  for (const std::uint32_t value : place) {
    out.u32(value);
  }
  return out.take();
}

Bytes encode_pack(const PackRecord& pack) {
  ByteWriter out;
  out.id(pack.hash);
  out.u64(pack.sequence);
  out.id(pack.key_segment);
  out.u16(static_cast<std::uint16_t>(pack.kind));
  out.u64(pack.size);
  out.u32(pack.frame_count);
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

Bytes encode_run(bool is_whole, const NumberRun& run) {
  ByteWriter out;
  out.u8(is_whole ? 1 : 0);
  out.u64(run.first);
  out.u64(run.count);
  return out.take();
}

// Sorts, so that LMDB fills its pages in order; the first batch is appended.
void put_blocks(Transaction& write, std::vector<BlockRecord>& records) {
  std::ranges::sort(records, {}, &BlockRecord::key);
  const bool is_empty = write.count(blocks_table) == 0;
  for (const BlockRecord& record : records) {
    const Bytes place = encode_place(record.place);
    if (is_empty) {
      write.append(blocks_table, record.key, place);
    } else {
      write.put(blocks_table, record.key, place);
    }
  }
  records.clear();
}

constexpr std::size_t batch_max = 1U << 20U;  // records held and sorted at a time: 48 MiB

}  // namespace

BlockIndex::BlockIndex(const std::string& directory, const LocalKey& secret)
    : environment_(directory,
                   {.map_bytes = index_map_bytes,
                    .table_count = table_count,
                    .checksum_key = derive_short_local_key(secret, LocalKeyUse::index_checksums),
                    .value_key = derive_local_key(secret, LocalKeyUse::index_values)}),
      tag_key_(derive_short_local_key(secret, LocalKeyUse::index_tags)) {
  const Transaction read(environment_, Transaction::Mode::read);
  const auto made_by = read.get(meta_table, as_view(version_key));
  const bool is_empty = !made_by && read.count(meta_table) == 0;
  if (!is_empty && (!made_by || from_big_endian<std::uint64_t>(*made_by) != version)) {
    throw Error(Code::corrupt, "the block index was made by another version");
  }
}

std::uint64_t BlockIndex::loaded_sequence() {
  const Transaction read(environment_, Transaction::Mode::read);
  const auto value = read.get(meta_table, as_view(loaded_key));
  return value ? from_big_endian<std::uint64_t>(*value) : 0;
}

std::set<std::uint64_t> BlockIndex::noted(std::string_view prefix) {
  const Transaction read(environment_, Transaction::Mode::read);
  std::set<std::uint64_t> out;
  read.scan(meta_table, as_view(prefix), [&](View key, View value) {
    if (!as_text(key).starts_with(prefix)) return false;
    out.insert(from_big_endian<std::uint64_t>(value));
    return true;
  });
  return out;
}

std::set<std::uint64_t> BlockIndex::unloaded_entries() {
  return noted(gap_key);
}

namespace {

void put_version(Transaction& write) {
  write.put(meta_table, as_view(version_key), to_big_endian(version));
}

void note_entry(Transaction& write, std::string_view prefix, std::uint64_t sequence) {
  write.put(meta_table, as_view(concat(prefix, sequence)), to_big_endian(sequence));
}

}  // namespace

void BlockIndex::note_unloaded(std::uint64_t sequence) {
  Transaction write(environment_, Transaction::Mode::write);
  if (write.get(meta_table, as_view(concat(gap_key, sequence)))) return;
  note_entry(write, gap_key, sequence);
  put_version(write);
  write.commit();
}

namespace {

// Loads entries within one write transaction.
class Loader {
 public:
  Loader(Transaction& write, const LocalKey& tag_key)
      : write_(write),
        tag_key_(tag_key),
        next_pack_(static_cast<std::uint32_t>(write.count(packs_table))) {}

  // How many packs were left out.
  std::uint64_t load(const EntryToLoad& entry) {
    sequence_ = entry.sequence;
    refused_count_ = 0;
    runs_.clear();
    for (const SegmentToLoad& segment : entry.segments) {
      load_segment(segment);
    }
    std::uint32_t row = 0;
    for (const NumberRun& run : runs_) {
      write_.append(runs_table, run_key(sequence_, row++),
                    encode_run(entry.is_all && refused_count_ == 0, run));
    }
    return refused_count_;
  }

  void finish() { put_blocks(write_, records_); }

 private:
  void load_segment(const SegmentToLoad& to_load) {
    number_ = to_load.first_number;
    for (const IndexedPack& pack : to_load.segment.packs) {
      load_pack(to_load, pack);
      if (records_.size() >= batch_max) put_blocks(write_, records_);
    }
    if (!to_load.segment.has_numbers) note_run(to_load.first_number, number_);
  }

  // The first introduction of a pack counts, and only with a key: later claims burn their numbers.
  void load_pack(const SegmentToLoad& to_load, const IndexedPack& pack) {
    const auto key_segment = to_load.key_segment_of(pack.hash);
    const auto hash_key = pack_hash_key(tag_key_, pack.hash);
    if (!key_segment || write_.get(pack_hashes_table, hash_key)) {
      ++refused_count_;
      for (const IndexedFrame& frame : pack.frames) {
        number_ += frame.blocks.size();
      }
      return;
    }
    write_.put(pack_hashes_table, hash_key, pack_key(next_pack_));
    write_.append(packs_table, pack_key(next_pack_),
                  encode_pack({.hash = pack.hash,
                               .sequence = sequence_,
                               .key_segment = *key_segment,
                               .kind = pack.kind,
                               .size = pack.size,
                               .frame_count = narrow<std::uint32_t>(pack.frames.size())}));
    for (std::uint32_t frame = 0; frame < pack.frames.size(); ++frame) {
      load_frame(to_load.segment.has_numbers, frame, pack.frames[frame]);
    }
    ++next_pack_;
  }

  void load_frame(bool has_numbers, std::uint32_t frame_number, const IndexedFrame& frame) {
    FrameRecord record{.place = frame.place,
                       .encoding = frame.encoding,
                       .plain_size = 0,
                       .first_number = has_numbers ? 0 : number_,
                       .is_rewritten = has_numbers};
    for (std::size_t i = 0; i < frame.blocks.size(); ++i) {
      const IndexedBlock& block = frame.blocks[i];
      const auto add = [&](std::uint64_t number) {
        records_.push_back({block_key(tag_key_, block.tag, number),
                            {next_pack_, frame_number, record.plain_size, block.size}});
      };
      if (has_numbers) {
        std::ranges::for_each(frame.numbers.at(i), add);
      } else {
        add(number_++);
      }
      record.plain_size += block.size;
    }
    write_.append(frames_table, frame_key(next_pack_, frame_number), encode_frame(record));
  }

  // Numbers from `first` up to `end` are listed.
  void note_run(std::uint64_t first, std::uint64_t end) {
    if (!runs_.empty() && runs_.back().first + runs_.back().count == first) {
      runs_.back().count += end - first;
    } else {
      runs_.push_back({first, end - first});
    }
  }

  Transaction& write_;
  const LocalKey& tag_key_;
  std::uint32_t next_pack_;
  std::uint64_t sequence_ = 0;       // of the entry
  std::uint64_t number_ = 0;         // of the next block
  std::uint64_t refused_count_ = 0;  // packs of the entry
  std::vector<NumberRun> runs_;
  std::vector<BlockRecord> records_;
};

}  // namespace

std::vector<std::uint64_t> BlockIndex::load_all(const std::vector<EntryToLoad>& entries) {
  Transaction write(environment_, Transaction::Mode::write);
  const auto loaded = write.get(meta_table, as_view(loaded_key));
  std::uint64_t next = loaded ? from_big_endian<std::uint64_t>(*loaded) : 0;
  Loader loader(write, tag_key_);
  std::vector<std::uint64_t> refused;
  for (const EntryToLoad& entry : entries) {
    const bool is_loaded = entry.sequence < next;  // another process was faster
    refused.push_back(is_loaded ? 0 : loader.load(entry));
    next = std::max(next, entry.sequence + 1);
  }
  loader.finish();
  write.put(meta_table, as_view(loaded_key), to_big_endian(next));
  put_version(write);
  write.commit();
  return refused;
}

void BlockIndex::Reader::for_each_copy(
    const BlockTag& tag, const std::function<bool(const BlockLocation&)>& each) const {
  scan(tag, 0, each);
}

void BlockIndex::Reader::scan(const BlockTag& tag,
                              std::uint64_t first,
                              const std::function<bool(const BlockLocation&)>& each) const {
  const BlockKey from = block_key(index_.tag_key_, tag, first);
  read_.scan(blocks_table, from, [&](View key, View value) {
    if (!equal(key.first(16), View(from).first(16))) return false;
    ByteReader in(value, "index record");
    return each({.number = from_big_endian<std::uint64_t>(key.subspan(16)),
                 .pack = in.u32(),
                 .frame = in.u32(),
                 .offset = in.u32(),
                 .size = in.u32()});
  });
}

std::optional<BlockLocation> BlockIndex::Reader::find(const BlockTag& tag,
                                                      std::uint64_t from) const {
  std::optional<BlockLocation> out;
  scan(tag, from, [&](const BlockLocation& copy) {
    out = copy;
    return false;
  });
  return out;
}

std::optional<std::uint32_t> BlockIndex::Reader::find_pack(const ObjectHash& hash) const {
  const auto place = read_.get(pack_hashes_table, pack_hash_key(index_.tag_key_, hash));
  if (!place) return std::nullopt;
  return from_big_endian<std::uint32_t>(*place);
}

PackRecord BlockIndex::Reader::pack(std::uint32_t pack) const {
  const auto value = read_.get(packs_table, pack_key(pack));
  if (!value) index_.environment_.fail_damaged("it lacks a pack");
  ByteReader in(*value, "index record");
  PackRecord out;
  out.hash = in.id<ObjectHash>();
  out.sequence = in.u64();
  out.key_segment = in.id<ObjectHash>();
  out.kind = static_cast<PackKind>(in.u16());
  out.size = in.u64();
  out.frame_count = in.u32();
  return out;
}

FrameRecord BlockIndex::Reader::frame(std::uint32_t pack, std::uint32_t frame) const {
  const auto value = read_.get(frames_table, frame_key(pack, frame));
  if (!value) index_.environment_.fail_damaged("it lacks a frame");
  ByteReader in(*value, "index record");
  FrameRecord out;
  out.place = {.offset = in.u32(), .contents_size = in.u32(), .list_size = in.u32()};
  out.encoding = static_cast<FrameEncoding>(in.u8());
  out.plain_size = in.u32();
  out.first_number = in.u64();
  out.is_rewritten = in.u8() != 0;
  return out;
}

std::optional<EntryRecord> BlockIndex::Reader::entry(std::uint64_t sequence) const {
  std::optional<EntryRecord> out;
  const auto from = run_key(sequence, 0);
  read_.scan(runs_table, from, [&](View key, View value) {
    if (!equal(key.first(8), View(from).first(8))) return false;
    if (!out) out.emplace();
    ByteReader in(value, "index record");
    out->is_whole = in.u8() != 0;
    out->runs.push_back({.first = in.u64(), .count = in.u64()});
    return true;
  });
  return out;
}

std::uint32_t BlockIndex::Reader::pack_count() const {
  return static_cast<std::uint32_t>(read_.count(packs_table));
}

std::uint64_t BlockIndex::Reader::block_count() const {
  return read_.count(blocks_table);
}

}  // namespace kist
