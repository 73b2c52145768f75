// A block in. Blocks come in one order, from one thread; that thread alone draws random bytes and
// decides what is known, which frame takes a block, where a pack ends and which number a block
// gets. Worker threads compress and seal, a writer thread writes. So the store's bytes are a
// function of the input and the random source, whatever the number of threads.
//
// New data blocks are numbered among themselves in the order they come, new meta blocks likewise;
// data segments come before meta segments in the entry, so a data block's number is the entry's
// first number + ordinal, and a meta block's lies after all data blocks. docs/format.md, "Block
// numbers".
#pragma once

#include <deque>
#include <future>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "engine/base/pool.h"
#include "engine/blocks/pack_writer.h"
#include "engine/blocks/run_table.h"
#include "engine/content/compress.h"
#include "engine/format/index.h"
#include "engine/format/number_set.h"
#include "engine/format/snapshot.h"
#include "engine/keys/repository.h"

namespace kist {

// Which stored copies of blocks a reference means: `count` successive ones.
enum class NumberBase : std::uint8_t { absolute = 0, new_data = 1, new_meta = 2 };

struct ReferenceRun {
  NumberBase base = NumberBase::absolute;
  std::uint64_t first = 0;  // a block number, or an ordinal among the run's new ones
  std::uint64_t count = 1;
  bool operator==(const ReferenceRun&) const = default;
};

// Appends a run, or lengthens the last one.
void append_run(std::vector<ReferenceRun>& runs, const ReferenceRun& run);

// What a run has stored, as its journal entry states it.
struct Introduced {
  std::vector<SegmentIntroduction> segments;  // first numbers relative to the entry's first
  std::vector<ObjectHash> key_segments;
  EpochId epoch;  // that the key segments are of
  std::vector<ObjectHash> packs;
  ObjectHash body;
  ObjectHash reference_set;
  SnapshotStatistics statistics;  // as the reference set states them
};

// The entry of what was stored, under the state that it will follow and its default policy. Who
// asks adds what the snapshot is of.
SnapshotTaken snapshot_entry(const Introduced& introduced, const State& state);

class Ingest {
 public:
  // `is_dry`: blocks are looked up and counted, nothing is stored.
  Ingest(Repository& repository,
         const WriteKeys& keys,
         Pool& pool,
         Compression compression,
         bool is_dry = false);
  Ingest(const Ingest&) = delete;
  Ingest& operator=(const Ingest&) = delete;
  Ingest(Ingest&&) = delete;
  Ingest& operator=(Ingest&&) = delete;
  ~Ingest();

  // The block's stored copy: one that the journal's head proves, one of this run, or a new one.
  ReferenceRun add(PackKind kind, const BlockId& id, View plaintext);
  // As add(), for a block of the manifest, which is hashed here.
  ReferenceRun add_meta(View plaintext, BlockId& id);
  // The snapshot needs these blocks: they go into its reference set.
  void refer(const ReferenceRun& run);

  // New blocks since the last journal entry, and the bytes of all that the run has added.
  [[nodiscard]] std::uint64_t new_data_count() const { return new_data_; }

  [[nodiscard]] std::uint64_t new_block_count() const { return new_data_ + new_meta_; }

  [[nodiscard]] std::uint64_t new_bytes() const { return new_bytes_; }

  // Writes all that is still open, the snapshot's body and reference set, then the key segments:
  // each step durable before the next. What remains is the journal entry. The set of a pending
  // snapshot also holds `unfinished`, `adopted` and every block that the entry introduces: parts of
  // a file that is not complete yet are kept for it.
  struct Snapshot {
    const SnapshotBody& body;
    SnapshotStatistics statistics;
    bool is_pending = false;
    std::vector<ReferenceRun> unfinished;
    const NumberSet* adopted = nullptr;
  };

  Introduced settle(Snapshot snapshot);
  // The epoch has ended before the entry was committed: the keys of what was settled, still in
  // memory, are sealed once more, to the current one.
  void reseal(Introduced& introduced);
  // The entry of what was settled is committed and its segments are in the block index: what was
  // new till now is found there, and new blocks are numbered from the next entry on.
  void begin_next(std::uint64_t first_number);
  // A reference to what that entry has introduced, as it stands from then on.
  [[nodiscard]] static ReferenceRun resolve(ReferenceRun run,
                                            std::uint64_t first_number,
                                            std::uint64_t new_data_count);

 private:
  struct FrameInProgress;
  struct PackInProgress;
  struct CompressJob;
  struct SealJob;
  struct Stream;

  void note_distrusted();
  [[nodiscard]] std::optional<std::uint64_t> find_stored(const BlockTag& tag) const;
  void put_in_frame(Stream& to, const BlockId& id, View plaintext);
  void close_frame(Stream& from);
  void place_next_frame();
  void start_sealing(Stream& to, CompressJob job);
  void write_next_frame();
  void close_pack(Stream& from);
  void write_segment(Stream& from);
  void drain();
  [[nodiscard]] Bytes write_reference_set(const Snapshot& snapshot) const;
  std::vector<ObjectHash> write_key_segments();
  NamedKey seal_named(ObjectType type, View payload, Bytes& object);
  Stream& stream(PackKind kind);

  Repository& repository_;
  WriteKeys keys_;
  Pool& pool_;
  Compression compression_;
  std::size_t in_flight_max_;
  std::unique_ptr<PackWriter> writer_;
  std::unique_ptr<Stream> data_;
  std::unique_ptr<Stream> meta_;
  RunTable run_;
  std::optional<BlockIndex::Reader> index_;
  std::optional<TrustedNumbers> trust_;
  std::set<std::uint32_t> distrusted_;  // packs, by their place in the index
  std::deque<CompressJob> compressing_;
  std::deque<SealJob> sealing_;
  std::vector<NamedKey> segment_keys_;
  std::vector<NamedKey> pack_keys_;
  NamedKey body_key_;  // of what was settled last
  NamedKey set_key_;
  NumberSet absolute_;
  NumberSet relative_data_;
  NumberSet relative_meta_;
  std::uint64_t new_data_ = 0;
  std::uint64_t new_meta_ = 0;
  std::uint64_t earlier_blocks_ = 0;  // new ones before the last entry
  std::uint64_t new_bytes_ = 0;
  std::uint64_t stored_bytes_ = 0;
  bool is_dry_ = false;
};

}  // namespace kist
