// What the last backup of a source saw: every entry with the blocks it needs, in path order, so
// that a walk in the same order knows unchanged files without opening them. Local; sealed under a
// key of its own that is drawn anew, and the former destroyed, by each backup. Lost or damaged, it
// costs one full read. Layout: a small file with key and facts, and a large one of sealed pieces.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/disk/file.h"
#include "engine/base/entry.h"
#include "engine/base/random.h"
#include "engine/crypto/secret.h"
#include "engine/repository/ingest.h"

namespace kist {

struct CachedEntry {
  Entry entry;
  std::vector<ReferenceRun> runs;
};

// What the references of a cache mean: known once its snapshot is committed.
struct CacheFacts {
  SnapshotId snapshot;
  std::int64_t started_ms = 0;
  std::uint64_t first_number = 0;    // of the entry that committed the snapshot
  std::uint64_t new_data_count = 0;  // meta blocks are numbered after these
};

class FileCacheReader {
 public:
  // Opens the cache of a source; empty when there is none that can be used.
  static std::unique_ptr<FileCacheReader> open(const std::string& directory,
                                               const std::string& source_key);

  [[nodiscard]] const CacheFacts& facts() const { return facts_; }

  // The entry at `path`, if the cache has it; paths are asked for in ascending order.
  const CachedEntry* find(std::string_view path);

 private:
  FileCacheReader(File file, Key key, const CacheFacts& facts)
      : file_(std::move(file)), key_(std::move(key)), facts_(facts) {}

  bool read_piece();
  bool advance();

  File file_;
  Key key_;
  CacheFacts facts_;
  std::uint64_t file_offset_ = 0;
  std::uint64_t piece_number_ = 0;
  Bytes piece_;
  std::size_t piece_offset_ = 0;
  bool at_end_ = false;
  bool has_current_ = false;
  CachedEntry current_;
};

class FileCacheWriter {
 public:
  FileCacheWriter(std::string directory, std::string source_key, Random& random);
  FileCacheWriter(const FileCacheWriter&) = delete;
  FileCacheWriter& operator=(const FileCacheWriter&) = delete;
  FileCacheWriter(FileCacheWriter&&) = delete;
  FileCacheWriter& operator=(FileCacheWriter&&) = delete;
  ~FileCacheWriter();  // not committed: the former cache stays

  void add(const Entry& entry, const std::vector<ReferenceRun>& runs);
  // Puts this cache in the place of the former one, which is destroyed.
  void commit(const CacheFacts& facts);

 private:
  void flush_piece();

  std::string directory_;
  std::string source_key_;
  std::string generation_;
  Key key_;
  File file_;
  ByteWriter piece_;
  std::string previous_path_;
  std::uint64_t piece_number_ = 0;
  bool is_committed_ = false;
};

}  // namespace kist
