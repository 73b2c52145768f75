// engine/blocks: blocks into the store and out of it.
//
// In: deduplicator (is the block known?) → pack_builder (frames, packs; with pack_layout, frame,
// pack_writer) → segment_writer (index segments) → snapshot_objects (body, reference set, key
// segments); block_writer joins them. Out: index_loader (entries → block index) → block_reader (id
// → plaintext). Both ways use objects (every sealed object that is named by its hash) and
// trusted_copy (which copy may be relied on).
//
// Never here: cutting files, the manifest, committing an entry, removing an object. Folders above
// may include it (repository, ops/*); it includes journal/ and below.
//
// -------------------------------------------------------------------------------------------------
//
// BlockWriter stores the blocks of one run, and then the objects that make a snapshot of them.
//
// Invariant: each step is durable before the next one: packs, index segments, body and reference
// set, key segments. The journal entry is the caller's, and comes last. One thread calls, and it
// alone draws random bytes and takes decisions, in an order that the calls fix; so the store's
// bytes do not depend on the number of threads. It refuses an object that would be too large to be
// read, before putting it. docs/format.md, "Block numbers".
#pragma once

#include <cstdint>
#include <optional>

#include "engine/base/pinned.h"
#include "engine/blocks/blocks.h"
#include "engine/blocks/deduplicator.h"
#include "engine/blocks/pack_builder.h"
#include "engine/blocks/pack_look.h"
#include "engine/blocks/reference_set_builder.h"
#include "engine/blocks/segment_writer.h"
#include "engine/blocks/snapshot_objects.h"
#include "engine/blocks/stored_snapshot.h"
#include "engine/keys/rights.h"

namespace kist {

// The parts of a snapshot beside the blocks that it refers to.
struct SnapshotParts {
  const SnapshotBody& body;
  SnapshotStatistics statistics{};           // the writer adds blocks_new, bytes_new, bytes_stored
  std::int64_t started_ms = 0;               // the time that the snapshot is of
  std::optional<PendingParts> pending = {};  // set: the snapshot is a pending one
};

class BlockWriter : private Pinned {
 public:
  // `is_dry`: blocks are looked up and counted, nothing is stored.
  BlockWriter(Blocks& blocks,
              const WriteKeys& keys,
              Pool& pool,
              Compression compression,
              bool is_dry = false);
  ~BlockWriter() = default;

  // Blocks with lesser numbers are stored again when they are met. Before anything is added.
  void rely_from(std::uint64_t first_number);

  // The look at the packs that this writer refers to.
  [[nodiscard]] PackLook& look() { return look_; }

  // The index that blocks are looked up in; not after finish_snapshot().
  [[nodiscard]] const BlockIndex::Reader& index() const { return deduplicator_.index(); }

  // A reference to the block: to a stored copy that may be relied on, to one of this run, or to a
  // new one. 1 to block_bytes_max bytes.
  ReferenceRun add(PackKind kind, const BlockId& id, View plaintext);
  // As add(), for a block of the manifest, which is hashed here.
  ReferenceRun add_meta(View plaintext, BlockId& id);

  // The snapshot needs these blocks: they go into its reference set.
  void refer(const ReferenceRun& run) { references_.add(run); }

  // New blocks since the last journal entry, and the bytes of all that the run has added.
  [[nodiscard]] std::uint64_t new_block_count() const { return deduplicator_.new_block_count(); }

  [[nodiscard]] std::uint64_t new_bytes() const { return new_bytes_; }

  // Blocks that were stored again because no pack that has them may be relied on.
  [[nodiscard]] std::uint64_t stored_again_count() const {
    return deduplicator_.stored_again_count();
  }

  // Writes all open packs and segments, then body, reference set and key segments. Durable on
  // return; only the journal entry remains to be committed. No block is added until
  // begin_next_entry().
  StoredSnapshot finish_snapshot(const SnapshotParts& parts);
  // Seals the keys, which stay in memory, to the epoch that the repository is in now, and puts the
  // key segments. finish_snapshot() does so; the caller does it again where an epoch has ended
  // before the entry was committed, since nobody could open the key segments then.
  void seal_keys(StoredSnapshot& stored);
  // The snapshot's entry is committed, with these numbers. Brings the index in step, so that the
  // blocks so far are found there. The run goes on, and its new blocks belong to the next entry.
  void begin_next_entry(const EntryNumbers& numbers);
  // Follows the journal while the run goes on: what is stored already is looked up as it is now.
  void follow();
  // The snapshot was not committed, and its source is met again: what this run has stored since the
  // last entry is known, all else is looked up in the index as it is now.
  void begin_again();

 private:
  [[nodiscard]] StoredBlocks stored_blocks();
  [[nodiscard]] std::uint64_t stored_bytes() const;
  void write_segment(PackKind kind);

  Blocks& blocks_;
  const Journal& journal_;
  const WriteKeys keys_;
  const bool is_dry_;
  const ObjectAuthor author_;
  std::uint64_t rely_from_ = 0;
  PackLook look_;
  Deduplicator deduplicator_;
  ReferenceSetBuilder references_;
  SegmentWriter segments_;
  SnapshotObjects objects_;
  PackBuilder builder_;               // calls write_segment(), so the members above must exist
  std::uint64_t earlier_blocks_ = 0;  // new ones before the last entry
  std::uint64_t new_bytes_ = 0;
};

}  // namespace kist
