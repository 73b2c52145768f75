// Writes entries into the block index, within one write transaction. All that it leaves behind is
// in the rows; what it holds meanwhile is bounded.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "engine/catalog/block_index.h"
#include "engine/catalog/environment.h"
#include "engine/catalog/index_rows.h"
#include "engine/format/number_set.h"

namespace kist {

class IndexBatch {
 public:
  IndexBatch(Transaction& write, const LocalKey& tag_key);

  // How many packs were left out.
  std::uint64_t load(const EntryToLoad& entry);
  void finish();

 private:
  void retire(const std::set<ObjectHash>& segments);
  void remove_set(const SnapshotSet& set);
  void note_gone(std::uint32_t pack);
  void load_segment(const SegmentToLoad& to_load);
  void load_pack(const SegmentToLoad& to_load, const IndexedPack& pack);
  void load_frame(bool has_numbers, std::uint32_t frame_number, const IndexedFrame& frame);
  void load_block_runs(std::uint32_t frame_number, const IndexedFrame& frame);

  Transaction& write_;
  const LocalKey& tag_key_;
  std::uint32_t next_pack_;
  std::uint64_t sequence_ = 0;       // of the entry
  std::uint64_t number_ = 0;         // of the next block
  std::uint64_t refused_count_ = 0;  // packs of the entry
  std::vector<index_rows::EntryRun> runs_;
  NumberSet listed_;  // of a rewritten segment
  std::vector<index_rows::BlockRecord> records_;
};

}  // namespace kist
