// The consuming side of a backup: entries come complete and in path order, their blocks go into the
// store, and the manifest and the cache of unchanged files grow.
//
// Invariant: an entry is in the manifest, in the reference set and in the cache, or in none of
// them. An entry that could not be read, or that no reader could decode, is in none, and the
// problem log says why. Belongs to the one thread that also calls the block writer.
// docs/format.md, "Manifest".
#pragma once

#include <set>
#include <string>
#include <vector>

#include "engine/blocks/block_writer.h"
#include "engine/format/manifest_tree.h"
#include "engine/ops/backup/file_cache.h"
#include "engine/ops/backup/problem_log.h"
#include "engine/ops/backup/source_reader.h"

namespace kist {

class SnapshotBuilder {
 public:
  // All but the keys must outlive the builder.
  SnapshotBuilder(const WriteKeys& keys,
                  BlockWriter& writer,
                  FileCacheWriter& cache,
                  ProblemLog& problems);

  // An entry, or the next part of a large file; `buffer` holds the pieces' bytes.
  void add(ReadEntry& read, View buffer);
  // The root of the complete manifest.
  BlockId finish();

  // Stores the manifest of the entries so far: its root, and the blocks that a pending snapshot of
  // them needs besides: those of the manifest's unfinished nodes, and those of the file that is
  // being read.
  BlockId put_root_so_far(std::vector<ReferenceRun>& unfinished);
  // The journal entry of the pending snapshot is committed: references to its blocks are absolute
  // from now on.
  void begin_next_entry(const EntryNumbers& numbers);

  [[nodiscard]] const SnapshotStatistics& statistics() const { return statistics_; }

  [[nodiscard]] const std::string& last_path() const { return last_path_; }

  // Whether there is a manifest so far.
  [[nodiscard]] bool has_entries() const { return has_entries_; }

 private:
  bool can_stand(const ReadEntry& read);
  void add_piece(const ReadPiece& piece, View buffer);
  void complete(Entry& entry, std::vector<ContentItem> items);
  BlockId put_manifest_block(View block);
  BlockId put_entry_block(View block);
  void count(const ReadEntry& read);

  ProblemLog& problems_;
  BlockWriter& writer_;
  FileCacheWriter& cache_;
  ManifestBuilder manifest_;
  PutBlock put_content_;
  ContentBuilder content_;
  std::vector<ReferenceRun> runs_;  // what the current entry needs
  SnapshotStatistics statistics_;
  std::string last_path_;  // of the entries so far
  bool has_entries_ = false;
  std::set<std::string> failed_;  // paths that are not in the snapshot though the walk met them
};

}  // namespace kist
