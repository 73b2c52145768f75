// Decides whether a block is known, and counts the blocks that are not. A block is known if this
// run has stored it already, or if the block index has a copy that this slot may rely on
// (trusted_copy.h) and whose pack was not found damaged by this machine.
//
// Invariant: a copy that find() returns is introduced by an earlier journal entry, or will be by
// the entry of this run; a block that is added is unknown and gets the next ordinal of its kind.
// The order of the calls alone decides the ordinals. Refuses nothing; belongs to one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <set>

#include "engine/blocks/reference_run.h"
#include "engine/blocks/run_table.h"
#include "engine/catalog/block_index.h"
#include "engine/rules/state.h"

namespace kist {

// The blocks that count as stored under one state of the journal.
struct StoredBlocks {
  BlockIndex& index;
  TrustedNumbers trusted;
  // Packs that this machine has found damaged: their blocks are stored again.
  std::set<ObjectHash> damaged_packs;
};

class Deduplicator {
 public:
  explicit Deduplicator(StoredBlocks stored) { look_at(std::move(stored)); }

  // A copy of the block that the snapshot may refer to; empty when the block must be stored.
  [[nodiscard]] std::optional<ReferenceRun> find(const BlockId& id) const;
  // Records an unknown block as the run's next new one of that kind.
  ReferenceRun add(PackKind kind, const BlockId& id);

  // New blocks since the last journal entry.
  [[nodiscard]] std::uint64_t new_data_count() const { return new_data_; }

  [[nodiscard]] std::uint64_t new_block_count() const { return new_data_ + new_meta_; }

  // Gives up the view of the index, which shows the time before the entry that is about to be
  // committed. find() and add() may follow only after begin_next_entry().
  void release_index() { index_.reset(); }

  // The entry of the blocks so far is committed and its segments are in the index: the run's own
  // blocks are found there from now on, and ordinals count from zero again.
  void begin_next_entry(StoredBlocks stored);

 private:
  void look_at(StoredBlocks stored);
  [[nodiscard]] std::optional<std::uint64_t> find_stored(const BlockId& id) const;

  RunTable run_;
  std::optional<BlockIndex::Reader> index_;
  TrustedNumbers trusted_;
  std::set<std::uint32_t> damaged_packs_;  // by their numbers in the index
  std::uint64_t new_data_ = 0;
  std::uint64_t new_meta_ = 0;
};

}  // namespace kist
