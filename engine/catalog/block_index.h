// The block index: which frame of which pack holds a block. Large, kept apart from the catalog, and
// rebuildable from the index segments. Tags and names of packs are hashed, and values are hidden,
// under keys of the machine's secret of the epoch (local_keys.h): rows that LMDB leaves behind in
// its file say and confirm nothing once that secret is gone. An index that was made under another
// secret is refused as damaged.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/id.h"
#include "engine/catalog/environment.h"
#include "engine/format/index.h"

namespace kist {

struct BlockLocation {
  std::uint64_t number = 0;
  std::uint32_t pack = 0;    // this index's own number of the pack
  std::uint32_t frame = 0;   // within the pack
  std::uint32_t offset = 0;  // within the frame's plaintext
  std::uint32_t size = 0;
  bool operator==(const BlockLocation&) const = default;
};

struct PackRecord {
  ObjectHash hash;
  std::uint64_t sequence = 0;  // of the entry that introduced it
  ObjectHash key_segment;      // that had its key when it was loaded
  ObjectHash segment;          // the index segment that lists it
  PackKind kind = PackKind::data;
  std::uint64_t size = 0;
  std::uint32_t frame_count = 0;
  std::uint32_t number_count = 0;  // of its blocks
};

struct FrameRecord {
  FramePlace place;
  FrameEncoding encoding = FrameEncoding::raw;
  std::uint32_t plain_size = 0;
  // Its blocks are numbered one after another from there on; or, if a rewritten segment lists it,
  // have the numbers that Reader::block_runs() says.
  std::uint64_t first_number = 0;
  bool is_rewritten = false;
};

// Successive blocks of a frame, from block `block` on, that have successive numbers.
struct BlockRun {
  std::uint32_t block = 0;
  std::uint64_t first = 0;
  std::uint32_t count = 0;
  bool operator==(const BlockRun&) const = default;
};

// Block numbers from `first` on.
struct NumberRun {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  bool operator==(const NumberRun&) const = default;
};

// What the index has of a journal entry that introduces segments.
struct EntryRecord {
  // Each segment that the entry names counts, and so does each pack that they list.
  bool is_whole = false;
  std::vector<NumberRun> runs;  // the numbers that its current segments list
};

// A segment with what its journal entry says of it.
struct SegmentToLoad {
  ObjectHash hash;
  IndexSegment segment;
  std::uint64_t first_number = 0;  // of its blocks, unless it lists their numbers itself
  // The key segment that opens the pack; empty: the claim does not count.
  std::function<std::optional<ObjectHash>(const IndexedPack& pack)> key_segment_of;
};

// A snapshot, and the reference set that it has: another one may replace it.
struct SnapshotSet {
  SnapshotId snapshot;
  ObjectHash set;
};

struct EntryToLoad {
  std::uint64_t sequence = 0;
  std::vector<SegmentToLoad> segments{};  // those that count
  bool is_all = true;                     // the entry names no others
  std::set<ObjectHash> retired{};         // segments that do not count from this entry on
  std::vector<ObjectHash> ended{};        // packs and segments that nobody introduces from it on
  std::vector<SnapshotSet> forgotten{};   // sets that nobody asks for from it on
};

// A segment that could not be read, or a key segment, by the entry that has introduced it.
struct UnloadedObject {
  std::uint64_t sequence = 0;
  ObjectHash hash;
};

class BlockIndex {
 public:
  // Error{corrupt} when the index is damaged, of another version or of another secret: the caller
  // removes it and opens a new one.
  BlockIndex(const std::string& directory, const LocalKey& secret);

  // Entries below this are loaded.
  [[nodiscard]] std::uint64_t loaded_sequence();
  // Unloaded entries: a segment of theirs could not be read when it was to be loaded. It may be
  // whole by now, and packs that later entries claimed may be its author's.
  [[nodiscard]] std::set<std::uint64_t> unloaded_entries();
  // Of a segment that is retired later, that says nothing any more.
  void note_unloaded(const UnloadedObject& object);
  // Whether the index has what one of these segments lists.
  [[nodiscard]] bool lists_any_of(const std::set<ObjectHash>& segments);
  // Whether an entry that was loaded has removed the pack or segment of that name.
  [[nodiscard]] bool has_ended(const ObjectHash& name);
  // Loads the segments of entries, in the journal's order and in one transaction: where there are
  // many, a transaction for each would take most of the time. Packs that an earlier entry
  // introduced are left out: their count is returned, for each entry.
  std::vector<std::uint64_t> load_all(const std::vector<EntryToLoad>& entries);

  // The same of one entry.
  std::uint64_t load(const EntryToLoad& entry) { return load_all({entry}).front(); }

  // Keeps the numbers of the blocks that snapshots need, so that each reference set is read from
  // the store once. As encoded number sets.
  void put_sets(const std::vector<std::pair<SnapshotSet, Bytes>>& sets);

  // Looks things up; sees the index as it was when made or renewed. Belongs to one thread.
  class Reader {
   public:
    explicit Reader(BlockIndex& index)
        : index_(index), read_(index.environment_, Transaction::Mode::read) {
      find_gone();
    }

    // The block's copies, by ascending number, until `each` returns false.
    void for_each_copy(const BlockTag& tag,
                       const std::function<bool(const BlockLocation&)>& each) const;
    // The copy with the lowest number that is not below `from`.
    [[nodiscard]] std::optional<BlockLocation> find(const BlockTag& tag,
                                                    std::uint64_t from = 0) const;
    // This index's own number of a pack that an entry has introduced.
    [[nodiscard]] std::optional<std::uint32_t> find_pack(const ObjectHash& hash) const;
    [[nodiscard]] PackRecord pack(std::uint32_t pack) const;
    [[nodiscard]] FrameRecord frame(std::uint32_t pack, std::uint32_t frame) const;
    // The numbers of the frame's blocks, where FrameRecord::is_rewritten. Those of a block that has
    // several stand in several runs.
    [[nodiscard]] std::vector<BlockRun> block_runs(std::uint32_t pack, std::uint32_t frame) const;
    // Empty where no segment of the entry counts, or it was not loaded.
    [[nodiscard]] std::optional<EntryRecord> entry(std::uint64_t sequence) const;
    // The numbers that a current segment of numbering 0 lists, of that entry.
    [[nodiscard]] std::optional<NumberRun> run_of(std::uint64_t sequence,
                                                  const ObjectHash& segment) const;
    // The packs that current segments list, by this index's own numbers, ascending.
    [[nodiscard]] std::vector<std::uint32_t> packs() const;
    // The same, and those that are gone, if a segment which counts says so.
    [[nodiscard]] std::vector<std::uint32_t> known_packs() const;
    // Whether a rewritten segment says that the pack is no more, or an entry has removed it.
    [[nodiscard]] bool is_gone(const ObjectHash& hash) const;
    // What put_sets() has put.
    [[nodiscard]] std::optional<Bytes> set(const SnapshotSet& set) const;
    // Greater than the number of each pack.
    [[nodiscard]] std::uint32_t packs_end() const;

    [[nodiscard]] std::uint64_t pack_count() const;

    // Numbers that are of a block in one of them.
    [[nodiscard]] std::uint64_t block_count() const;

    void renew() {
      read_.renew();
      find_gone();
    }

   private:
    void find_gone();
    void scan(const BlockTag& tag,
              std::uint64_t first,
              const std::function<bool(const BlockLocation&)>& each) const;

    BlockIndex& index_;
    Transaction read_;
    std::set<std::uint32_t> gone_;  // packs whose rows do not count
  };

  [[nodiscard]] std::uint64_t file_bytes() const { return environment_.file_bytes(); }

 private:
  Environment environment_;
  LocalKey tag_key_;
};

}  // namespace kist
