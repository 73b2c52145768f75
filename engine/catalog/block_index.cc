#include "engine/catalog/block_index.h"

#include <algorithm>

#include "engine/catalog/index_batch.h"
#include "engine/catalog/index_rows.h"
#include "engine/catalog/index_sweep.h"
#include "engine/catalog/local_keys.h"

namespace kist {

namespace rows = index_rows;

namespace {

constexpr std::uint64_t index_map_bytes = std::uint64_t{256} << 30U;

}  // namespace

BlockIndex::BlockIndex(const std::string& directory, const LocalKey& secret)
    : environment_(directory,
                   {.map_bytes = index_map_bytes,
                    .table_count = rows::table_count,
                    .checksum_key = derive_short_local_key(secret, LocalKeyUse::index_checksums),
                    .value_key = derive_local_key(secret, LocalKeyUse::index_values)}),
      tag_key_(derive_short_local_key(secret, LocalKeyUse::index_tags)) {
  const Transaction read(environment_, Transaction::Mode::read);
  const auto made_by = read.get(rows::meta_table, as_view(rows::version_key));
  const bool is_empty = !made_by && read.count(rows::meta_table) == 0;
  if (!is_empty && (!made_by || from_big_endian<std::uint64_t>(*made_by) != rows::version)) {
    throw Error(Code::corrupt, "the block index was made by another version");
  }
}

std::uint64_t BlockIndex::loaded_sequence() {
  const Transaction read(environment_, Transaction::Mode::read);
  const auto value = read.get(rows::meta_table, as_view(rows::loaded_key));
  return value ? from_big_endian<std::uint64_t>(*value) : 0;
}

// An object that could not be read: the value is the sequence, or nothing once it was retired.
std::set<std::uint64_t> BlockIndex::unloaded_entries() {
  const Transaction read(environment_, Transaction::Mode::read);
  std::set<std::uint64_t> out;
  read.scan(rows::meta_table, as_view(rows::gap_key), [&](View key, View value) {
    if (!as_text(key).starts_with(rows::gap_key)) return false;
    if (value.size() == 8) out.insert(from_big_endian<std::uint64_t>(value));
    return true;
  });
  return out;
}

namespace {

void put_version(Transaction& write) {
  write.put(rows::meta_table, as_view(rows::version_key), to_big_endian(rows::version));
}

}  // namespace

void BlockIndex::note_unloaded(const UnloadedObject& object) {
  Transaction write(environment_, Transaction::Mode::write);
  write.put(rows::meta_table, as_view(rows::gap_key_of(tag_key_, object.hash)),
            to_big_endian(object.sequence));
  put_version(write);
  write.commit();
}

bool BlockIndex::lists_any_of(const std::set<ObjectHash>& segments) {
  const Transaction read(environment_, Transaction::Mode::read);
  bool out = false;
  read.scan(rows::packs_table, rows::pack_key(0), [&](View /*key*/, View value) {
    out = segments.contains(rows::decode_pack(value).segment);
    return !out;
  });
  return out;
}

bool BlockIndex::has_ended(const ObjectHash& name) {
  const Transaction read(environment_, Transaction::Mode::read);
  const auto row = read.get(rows::pack_hashes_table, rows::pack_hash_key(tag_key_, name));
  return row && from_big_endian<std::uint32_t>(*row) == rows::no_pack;
}

namespace {

bool leaves_rows(const EntryToLoad& entry) {
  return !entry.retired.empty() || !entry.ended.empty();
}

}  // namespace

std::vector<std::uint64_t> BlockIndex::load_all(const std::vector<EntryToLoad>& entries) {
  Transaction write(environment_, Transaction::Mode::write);
  const auto loaded = write.get(rows::meta_table, as_view(rows::loaded_key));
  std::uint64_t next = loaded ? from_big_endian<std::uint64_t>(*loaded) : 0;
  IndexBatch batch(write, tag_key_);
  std::vector<std::uint64_t> refused;
  for (const EntryToLoad& entry : entries) {
    const bool is_loaded = entry.sequence < next;  // another process was faster
    refused.push_back(is_loaded ? 0 : batch.load(entry));
    next = std::max(next, entry.sequence + 1);
  }
  batch.finish();
  write.put(rows::meta_table, as_view(rows::loaded_key), to_big_endian(next));
  put_version(write);
  write.commit();
  if (std::ranges::any_of(entries, &leaves_rows)) sweep_index(environment_, tag_key_);
  return refused;
}

// The first piece begins with the size of all of them.
void BlockIndex::put_sets(const std::vector<std::pair<SnapshotSet, Bytes>>& sets) {
  Transaction write(environment_, Transaction::Mode::write);
  for (const auto& [set, numbers] : sets) {
    ByteWriter sized;
    sized.u32(narrow<std::uint32_t>(numbers.size()));
    sized.raw(numbers);
    const View all = sized.view();
    for (std::size_t at = 0; at < all.size(); at += record_bytes_max) {
      const auto piece = static_cast<std::uint32_t>(at / record_bytes_max);
      write.put(rows::sets_table, rows::set_key(tag_key_, set, piece),
                all.subspan(at, std::min(record_bytes_max, all.size() - at)));
    }
  }
  put_version(write);
  write.commit();
}

std::optional<Bytes> BlockIndex::Reader::set(const SnapshotSet& set) const {
  Bytes all;
  std::size_t due = 4;
  for (std::uint32_t piece = 0; all.size() < due; ++piece) {
    const auto found = read_.get(rows::sets_table, rows::set_key(index_.tag_key_, set, piece));
    if (!found) return std::nullopt;
    all.insert(all.end(), found->begin(), found->end());
    if (piece == 0) due = 4 + std::size_t{ByteReader(all, "index record").u32()};
  }
  all.erase(all.begin(), all.begin() + 4);
  return all;
}

void BlockIndex::Reader::for_each_copy(
    const BlockTag& tag, const std::function<bool(const BlockLocation&)>& each) const {
  scan(tag, 0, each);
}

void BlockIndex::Reader::scan(const BlockTag& tag,
                              std::uint64_t first,
                              const std::function<bool(const BlockLocation&)>& each) const {
  const rows::BlockKey from = rows::block_key(index_.tag_key_, tag, first);
  read_.scan(rows::blocks_table, from, [&](View key, View value) {
    if (!equal(key.first(16), View(from).first(16))) return false;
    ByteReader in(value, "index record");
    const BlockLocation copy{.number = from_big_endian<std::uint64_t>(key.subspan(16)),
                             .pack = in.u32(),
                             .frame = in.u32(),
                             .offset = in.u32(),
                             .size = in.u32()};
    return gone_.contains(copy.pack) || each(copy);
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

void BlockIndex::Reader::find_gone() {
  gone_.clear();
  read_.scan(rows::meta_table, as_view(rows::gone_key), [&](View key, View value) {
    if (!as_text(key).starts_with(rows::gone_key)) return false;
    gone_.insert(from_big_endian<std::uint32_t>(value));
    return true;
  });
}

std::optional<std::uint32_t> BlockIndex::Reader::find_pack(const ObjectHash& hash) const {
  const auto place = read_.get(rows::pack_hashes_table, rows::pack_hash_key(index_.tag_key_, hash));
  if (!place) return std::nullopt;
  const auto pack = from_big_endian<std::uint32_t>(*place);
  if (pack == rows::no_pack || gone_.contains(pack)) return std::nullopt;
  return pack;
}

bool BlockIndex::Reader::is_gone(const ObjectHash& hash) const {
  const auto place = read_.get(rows::pack_hashes_table, rows::pack_hash_key(index_.tag_key_, hash));
  if (!place) return false;
  const auto pack = from_big_endian<std::uint32_t>(*place);
  return pack == rows::no_pack || gone_.contains(pack);
}

PackRecord BlockIndex::Reader::pack(std::uint32_t pack) const {
  const auto value = read_.get(rows::packs_table, rows::pack_key(pack));
  if (!value) index_.environment_.fail_damaged("it lacks a pack");
  return rows::decode_pack(*value);
}

FrameRecord BlockIndex::Reader::frame(std::uint32_t pack, std::uint32_t frame) const {
  const auto value = read_.get(rows::frames_table, rows::frame_key(pack, frame));
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

std::vector<BlockRun> BlockIndex::Reader::block_runs(std::uint32_t pack,
                                                     std::uint32_t frame) const {
  std::vector<BlockRun> out;
  const auto from = rows::block_run_key(pack, frame, 0);
  read_.scan(rows::block_runs_table, from, [&](View key, View value) {
    if (!equal(key.first(8), View(from).first(8))) return false;
    ByteReader in(value, "index record");
    out.push_back({.block = in.u32(), .first = in.u64(), .count = in.u32()});
    return true;
  });
  return out;
}

std::optional<EntryRecord> BlockIndex::Reader::entry(std::uint64_t sequence) const {
  std::optional<EntryRecord> out;
  const auto from = rows::run_key(sequence, 0);
  read_.scan(rows::runs_table, from, [&](View key, View value) {
    if (!equal(key.first(8), View(from).first(8))) return false;
    const rows::EntryRun run = rows::decode_run(value);
    if (!out) out.emplace();
    out->is_whole = run.is_whole;
    if (run.numbers.count > 0) out->runs.push_back(run.numbers);
    return true;
  });
  return out;
}

std::optional<NumberRun> BlockIndex::Reader::run_of(std::uint64_t sequence,
                                                    const ObjectHash& segment) const {
  std::optional<NumberRun> out;
  const auto from = rows::run_key(sequence, 0);
  read_.scan(rows::runs_table, from, [&](View key, View value) {
    if (!equal(key.first(8), View(from).first(8))) return false;
    const rows::EntryRun run = rows::decode_run(value);
    if (run.segment == segment) out = run.numbers;
    return !out;
  });
  return out;
}

std::uint32_t BlockIndex::Reader::packs_end() const {
  return rows::packs_end(read_);
}

std::uint64_t BlockIndex::Reader::pack_count() const {
  return read_.count(rows::packs_table) - gone_.size();
}

std::vector<std::uint32_t> BlockIndex::Reader::known_packs() const {
  std::vector<std::uint32_t> out;
  out.reserve(read_.count(rows::packs_table));
  read_.scan(rows::packs_table, rows::pack_key(0), [&](View key, View /*value*/) {
    out.push_back(from_big_endian<std::uint32_t>(key));
    return true;
  });
  return out;
}

std::vector<std::uint32_t> BlockIndex::Reader::packs() const {
  std::vector<std::uint32_t> out = known_packs();
  std::erase_if(out, [&](std::uint32_t pack) { return gone_.contains(pack); });
  return out;
}

std::uint64_t BlockIndex::Reader::block_count() const {
  if (gone_.empty()) return read_.count(rows::blocks_table);
  std::uint64_t out = 0;  // without the rows that packs have left behind that are gone
  for (const std::uint32_t each : packs()) {
    out += pack(each).number_count;
  }
  return out;
}

}  // namespace kist
