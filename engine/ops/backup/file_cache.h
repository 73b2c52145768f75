// What the last backup of a source saw: every entry with the blocks it needs, in path order, so
// that a walk in the same order knows unchanged files without opening them. Local; sealed under a
// key of its own that is drawn anew, and the former destroyed, by each backup. Lost or damaged, it
// costs one full read. Layout: a small file with key and facts, and a large one of sealed pieces.
//
// The small file is sealed in turn, under the machine's key of the epoch: when that is overwritten,
// all caches of the epoch are closed, those included that a killed backup has left behind.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/disk/file.h"
#include "engine/base/entry.h"
#include "engine/base/observer.h"
#include "engine/base/pinned.h"
#include "engine/base/random.h"
#include "engine/blocks/reference_run.h"
#include "engine/catalog/local_directory.h"
#include "engine/crypto/secret.h"
#include "engine/format/number_set.h"

namespace kist {

struct CachedEntry {
  Entry entry;
  std::vector<ReferenceRun> runs;
};

// What a cache stands for, and what its references mean.
struct CacheFacts {
  SnapshotId snapshot;
  std::int64_t started_ms = 0;
  std::uint64_t files = 0;  // in the snapshot, and their bytes
  std::uint64_t bytes = 0;
  // Of a backup that stores again what it meets: blocks with lesser numbers are not relied on. 0:
  // of any other backup.
  std::uint64_t stored_again_from = 0;
  // One for each journal entry of the backup: what came between two entries has references that
  // are relative to the second.
  std::vector<EntryNumbers> eras;
  std::string last_path;  // of its entries
  // Every block of the snapshot, as numbers that stand by themselves: a slot that only writes may
  // not open the snapshot's reference set.
  NumberSet numbers;
};

// A source has one cache of its last complete backup, and one of a backup that was cut off after a
// pending snapshot.
enum class CacheKind { complete, pending };

class FileCacheReader {
 public:
  // Opens a cache of a source; empty when there is none that can be used.
  static std::unique_ptr<FileCacheReader> open(const LocalDirectory& local,
                                               const std::string& source_key,
                                               CacheKind kind);

  [[nodiscard]] const CacheFacts& facts() const { return facts_; }

  // The entry at `path`, if the cache has it; paths are asked for in ascending order.
  const CachedEntry* find(std::string_view path);

 private:
  FileCacheReader(File file, Key key, CacheFacts facts, std::uint64_t piece_count)
      : file_(std::move(file)),
        key_(std::move(key)),
        facts_(std::move(facts)),
        piece_count_(piece_count) {}

  bool read_piece();
  bool advance();

  File file_;
  Key key_;
  CacheFacts facts_;
  std::uint64_t piece_count_ = 0;
  std::uint64_t file_offset_ = 0;
  std::uint64_t piece_number_ = 0;
  Bytes piece_;
  std::size_t piece_offset_ = 0;
  std::size_t era_ = 0;  // of the piece
  bool at_end_ = false;
  bool has_current_ = false;
  CachedEntry current_;
};

class FileCacheWriter : private Pinned {
 public:
  struct FactsFile;

  // The first failure is reported once, and the cache is given up: that costs one full read of the
  // source by the next backup, not this backup. `local` outlives the writer.
  FileCacheWriter(const LocalDirectory& local,
                  std::string source_key,
                  Random& random,
                  Observer& observer);
  ~FileCacheWriter();  // not committed: the former caches stay

  void add(const Entry& entry, const std::vector<ReferenceRun>& runs);
  // An entry was committed: what was added so far is relative to it, what comes to the next one.
  void end_era(const EntryNumbers& numbers);
  // Makes what was added so far the source's cache of that kind. A complete cache takes the place
  // of all others, which are destroyed. `facts` need no eras and no last path: the writer fills
  // them in.
  void commit(CacheKind kind, CacheFacts facts);

 private:
  void flush_piece();
  void remove_strays();
  void put_in_place(CacheKind kind, const FactsFile& file);
  template <typename Work>
  void attempt(const Work& work);

  const LocalDirectory& local_;
  Random& random_;
  Observer& observer_;
  bool is_given_up_ = false;
  std::string directory_;
  std::string source_key_;
  std::string generation_;
  Key key_;
  File file_;
  ByteWriter piece_;
  std::string previous_path_;
  std::string last_path_;
  std::uint64_t piece_number_ = 0;
  std::vector<EntryNumbers> eras_;
  bool is_committed_ = false;
};

}  // namespace kist
