// Decides whether a block is known, and counts the blocks that are not. A block is known if this
// run has stored it already, or if the block index has a copy that this slot may rely on
// (trusted_copy.h) and whose pack the run may rely on (pack_look.h). Of several such copies the
// newest counts: content that was stored again, because an older copy was damaged, may have been so
// on another machine, and this one need not know of the damage.
//
// Invariant: a copy that find() returns is introduced by an earlier journal entry, or will be by
// the entry of this run; a block that is added is unknown and gets the next ordinal of its kind.
// The order of the calls alone decides the ordinals. Refuses nothing; belongs to one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "engine/blocks/reference_run.h"
#include "engine/blocks/run_table.h"
#include "engine/catalog/block_index.h"
#include "engine/rules/state.h"

namespace kist {

// The blocks that count as stored under one state of the journal.
struct StoredBlocks {
  BlockIndex& index;
  TrustedNumbers trusted;
  std::uint64_t first_number = 0;  // copies with lesser numbers do not count
  // Whether the run may rely on a pack; asked once of each. Empty: on all.
  std::function<bool(const PackRecord&)> may_rely_on;
};

class Deduplicator {
 public:
  explicit Deduplicator(StoredBlocks stored) { look_at(std::move(stored)); }

  // From now on copies with lesser numbers do not count.
  void rely_from(std::uint64_t first_number) { first_number_ = first_number; }

  // A copy of the block that the snapshot may refer to; empty when the block must be stored.
  [[nodiscard]] std::optional<ReferenceRun> find(const BlockId& id);
  // Records an unknown block as the run's next new one of that kind.
  ReferenceRun add(PackKind kind, const BlockId& id);

  // New blocks since the last journal entry.
  [[nodiscard]] const NewBlockCounts& new_counts() const { return new_; }

  [[nodiscard]] std::uint64_t new_block_count() const { return new_.data + new_.meta; }

  // Blocks that find() has called unknown because no pack that has them may be relied on.
  [[nodiscard]] std::uint64_t stored_again_count() const { return stored_again_; }

  // The index as find() sees it; not after release_index().
  [[nodiscard]] const BlockIndex::Reader& index() const { return *index_; }

  // Gives up the view of the index, which shows the time before the entry that is about to be
  // committed. find() and add() may follow only after begin_next_entry() or look_again().
  void release_index() { index_.reset(); }

  // The blocks of this run stay known; stored ones are looked up as they are now.
  void look_again(StoredBlocks stored) { look_at(std::move(stored)); }

  // The entry of the blocks so far is committed and its segments are in the index: the run's own
  // blocks are found there from now on, and ordinals count from zero again.
  void begin_next_entry(StoredBlocks stored);

 private:
  void look_at(StoredBlocks stored);
  void collect_copies(const BlockTag& tag);
  [[nodiscard]] std::optional<std::uint64_t> find_stored(const BlockId& id);
  bool may_rely_on(std::uint32_t pack);

  // What may_rely_on said of a pack.
  enum class Reliance : std::uint8_t { unknown, yes, no };

  RunTable run_;
  std::optional<BlockIndex::Reader> index_;
  TrustedNumbers trusted_;
  std::uint64_t first_number_ = 0;
  std::function<bool(const PackRecord&)> ask_;
  std::vector<Reliance> packs_;        // by their numbers in the index
  std::vector<BlockLocation> copies_;  // of the block that is being looked up
  NewBlockCounts new_;
  std::uint64_t stored_again_ = 0;
};

}  // namespace kist
