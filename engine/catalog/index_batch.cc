#include "engine/catalog/index_batch.h"

#include <algorithm>
#include <map>
#include <optional>

namespace kist {

namespace rows = index_rows;

namespace {

// Sorts, so that LMDB fills its pages in order; the first batch is appended.
void put_blocks(Transaction& write, std::vector<rows::BlockRecord>& records) {
  std::ranges::stable_sort(records, {}, &rows::BlockRecord::key);
  const bool is_empty = write.count(rows::blocks_table) == 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const rows::BlockRecord& record = records[i];
    // A malicious segment may list a number twice: the last place counts.
    if (i + 1 < records.size() && records[i + 1].key == record.key) continue;
    const Bytes place = rows::encode_place(record.place);
    if (is_empty) {
      write.append(rows::blocks_table, record.key, place);
    } else {
      write.put(rows::blocks_table, record.key, place);
    }
  }
  records.clear();
}

constexpr std::size_t batch_max = 1U << 20U;  // records held and sorted at a time: 48 MiB

std::uint32_t count_numbers(const IndexedPack& pack, bool is_rewritten) {
  std::size_t out = 0;
  for (const IndexedFrame& frame : pack.frames) {
    if (!is_rewritten) out += frame.blocks.size();
    for (const std::vector<std::uint64_t>& numbers : frame.numbers) {
      out += numbers.size();
    }
  }
  return narrow<std::uint32_t>(out);
}

}  // namespace

IndexBatch::IndexBatch(Transaction& write, const LocalKey& tag_key)
    : write_(write), tag_key_(tag_key), next_pack_(rows::packs_end(write)) {}

std::uint64_t IndexBatch::load(const EntryToLoad& entry) {
  sequence_ = entry.sequence;
  refused_count_ = 0;
  runs_.clear();
  retire(entry.retired);
  for (const ObjectHash& name : entry.ended) {
    const auto row = write_.get(rows::pack_hashes_table, rows::pack_hash_key(tag_key_, name));
    const auto pack = row ? from_big_endian<std::uint32_t>(*row) : rows::no_pack;
    if (pack != rows::no_pack) note_gone(pack);
    write_.put(rows::pack_hashes_table, rows::pack_hash_key(tag_key_, name),
               rows::pack_key(rows::no_pack));
  }
  for (const SnapshotSet& set : entry.forgotten) {
    remove_set(set);
  }
  for (const SegmentToLoad& segment : entry.segments) {
    load_segment(segment);
  }
  std::uint32_t row = 0;
  for (rows::EntryRun& run : runs_) {
    run.is_whole = entry.is_all && refused_count_ == 0;
    write_.append(rows::runs_table, rows::run_key(sequence_, row++), rows::encode_run(run));
  }
  return refused_count_;
}

void IndexBatch::finish() {
  put_blocks(write_, records_);
}

// What segments have listed that do not count any more: their packs are gone until another one
// lists them, their numbers are nobody's, and it does not matter that one could not be read.
void IndexBatch::retire(const std::set<ObjectHash>& segments) {
  if (segments.empty()) return;
  std::vector<std::uint32_t> gone;
  write_.scan(rows::packs_table, rows::pack_key(0), [&](View key, View value) {
    const PackRecord pack = rows::decode_pack(value);
    if (segments.contains(pack.segment)) gone.push_back(from_big_endian<std::uint32_t>(key));
    return true;
  });
  for (const std::uint32_t pack : gone) {
    note_gone(pack);
  }
  std::vector<std::pair<Bytes, rows::EntryRun>> runs;
  write_.scan(rows::runs_table, rows::run_key(0, 0), [&](View key, View value) {
    rows::EntryRun run = rows::decode_run(value);
    if (!segments.contains(run.segment)) return true;
    run.numbers.count = 0;
    runs.emplace_back(Bytes(key.begin(), key.end()), run);
    return true;
  });
  for (const auto& [key, run] : runs) {
    write_.put(rows::runs_table, key, rows::encode_run(run));
  }
  for (const ObjectHash& segment : segments) {
    const std::string gap = rows::gap_key_of(tag_key_, segment);
    if (write_.get(rows::meta_table, as_view(gap)))
      write_.put(rows::meta_table, as_view(gap), View());
  }
}

void IndexBatch::remove_set(const SnapshotSet& set) {
  for (std::uint32_t piece = 0;; ++piece) {
    const auto key = rows::set_key(tag_key_, set, piece);
    if (!write_.get(rows::sets_table, key)) return;
    write_.remove(rows::sets_table, key);
  }
}

void IndexBatch::note_gone(std::uint32_t pack) {
  write_.put(rows::meta_table, as_view(rows::gone_key_of(pack)), rows::pack_key(pack));
}

void IndexBatch::load_segment(const SegmentToLoad& to_load) {
  number_ = to_load.first_number;
  for (const IndexedPack& pack : to_load.segment.packs) {
    load_pack(to_load, pack);
    if (records_.size() >= batch_max) put_blocks(write_, records_);
  }
  if (!to_load.segment.has_numbers) {
    runs_.push_back({.numbers = {to_load.first_number, number_ - to_load.first_number},
                     .segment = to_load.hash});
  }
  std::optional<std::uint64_t> end;  // of this segment's last run
  listed_.for_each([&](std::uint64_t number) {
    if (number != end) {
      runs_.push_back({.numbers = {.first = number}, .segment = to_load.hash});
    }
    ++runs_.back().numbers.count;
    end = number + 1;
  });
  listed_ = {};
}

// The first introduction of a pack counts, and only with a key: later claims burn their numbers.
// A rewritten segment says whose a pack is, whoever has claimed it meanwhile. What an entry has
// removed nobody introduces again.
void IndexBatch::load_pack(const SegmentToLoad& to_load, const IndexedPack& pack) {
  const bool is_rewritten = to_load.segment.has_numbers;
  const auto key_segment = to_load.key_segment_of(pack);
  const auto hash_key = rows::pack_hash_key(tag_key_, pack.hash);
  const auto row = write_.get(rows::pack_hashes_table, hash_key);
  const auto known = row ? std::optional(from_big_endian<std::uint32_t>(*row)) : std::nullopt;
  if (known == rows::no_pack || (!is_rewritten && (!key_segment || known))) {
    const bool is_mention = is_rewritten && pack.frames.empty();
    if (!is_mention) ++refused_count_;
    for (const IndexedFrame& frame : pack.frames) {
      number_ += frame.blocks.size();
    }
    return;
  }
  if (known) note_gone(*known);
  const bool counts = key_segment && !pack.frames.empty();
  write_.put(rows::pack_hashes_table, hash_key, rows::pack_key(next_pack_));
  write_.append(rows::packs_table, rows::pack_key(next_pack_),
                rows::encode_pack({.hash = pack.hash,
                                   .sequence = pack.born == 0 ? sequence_ : pack.born,
                                   .key_segment = key_segment.value_or(ObjectHash{}),
                                   .segment = to_load.hash,
                                   .kind = pack.kind,
                                   .size = pack.size,
                                   .frame_count = narrow<std::uint32_t>(pack.frames.size()),
                                   .number_count = count_numbers(pack, is_rewritten)}));
  if (!counts) note_gone(next_pack_);
  for (std::uint32_t frame = 0; counts && frame < pack.frames.size(); ++frame) {
    load_frame(is_rewritten, frame, pack.frames[frame]);
  }
  ++next_pack_;
}

void IndexBatch::load_frame(bool has_numbers,
                            std::uint32_t frame_number,
                            const IndexedFrame& frame) {
  FrameRecord record{.place = frame.place,
                     .encoding = frame.encoding,
                     .plain_size = 0,
                     .first_number = has_numbers ? 0 : number_,
                     .is_rewritten = has_numbers};
  for (std::size_t i = 0; i < frame.blocks.size(); ++i) {
    const IndexedBlock& block = frame.blocks[i];
    const auto add = [&](std::uint64_t number) {
      records_.push_back({rows::block_key(tag_key_, block.tag, number),
                          {next_pack_, frame_number, record.plain_size, block.size}});
    };
    if (has_numbers) {
      std::ranges::for_each(frame.numbers.at(i), add);
    } else {
      add(number_++);
    }
    record.plain_size += block.size;
  }
  write_.append(rows::frames_table, rows::frame_key(next_pack_, frame_number),
                rows::encode_frame(record));
  if (has_numbers) load_block_runs(frame_number, frame);
}

void IndexBatch::load_block_runs(std::uint32_t frame_number, const IndexedFrame& frame) {
  std::vector<BlockRun> runs;
  std::map<std::uint64_t, std::size_t> open;  // runs that may go on, by the number that does it
  for (std::uint32_t i = 0; i < frame.blocks.size(); ++i) {
    std::map<std::uint64_t, std::size_t> next;
    for (const std::uint64_t number : frame.numbers.at(i)) {
      listed_.add(number);
      const auto goes_on = open.find(number);
      const std::size_t run = goes_on == open.end() ? runs.size() : goes_on->second;
      if (run == runs.size()) runs.push_back({.block = i, .first = number});
      ++runs[run].count;
      next.emplace(number + 1, run);
    }
    open = std::move(next);
  }
  std::uint32_t row = 0;
  for (const BlockRun& run : runs) {
    write_.append(rows::block_runs_table, rows::block_run_key(next_pack_, frame_number, row++),
                  rows::encode_block_run(run));
  }
}

}  // namespace kist
