// The source side of a backup: walks, recognises what has not changed, reads and cuts what has.
// Runs in a thread of its own and hands on batches in path order; batches of small files are read,
// cut and hashed by the pool, large files are read here and hashed by the pool. Bounded in bytes
// and in open directories, whatever the number of files.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/base/pinned.h"
#include "engine/base/pool.h"
#include "engine/base/queue.h"
#include "engine/blocks/pack_ranges.h"
#include "engine/content/chunker.h"
#include "engine/ops/backup/file_cache.h"
#include "engine/ops/backup/problem_log.h"
#include "engine/repository/repository.h"
#include "engine/source/walk.h"

namespace kist {

// A run of a file as it was read: a block in the batch's buffer, or a hole.
struct ReadPiece {
  ItemType type = ItemType::block;
  std::uint64_t size = 0;
  std::size_t offset = 0;  // in the batch's buffer
  BlockId id;              // set by the pool
};

// `reread`: unmodified, but what an earlier backup stored of it is not relied on.
enum class Change : std::uint8_t { unmodified, reread, changed, fresh };

struct ReadEntry {
  Entry entry;
  Change change = Change::fresh;
  std::vector<ReferenceRun> runs;  // of an unmodified entry
  std::vector<ReadPiece> pieces;
  bool is_last = true;      // the entry is complete; else more of its file follows
  bool has_failed = false;  // it could not be read and is left out
  // For the pool: where to read it, for a small file.
  std::shared_ptr<const Directory> parent;
  std::string name;
};

struct ReadBatch {
  std::vector<ReadEntry> entries;
  Bytes buffer;
};

// What the reading needs to know; derived from the repository's secrets and parameters.
struct ReadContext {
  const Key& id_key;
  const Chunker& chunker;
  Observer& observer;
  ProblemLog& problems;
  const UnreliedNumbers* unrelied = nullptr;  // null: all that the caches name is relied on
};

// Bytes that come from no file: a pipe, say. They become one file of that path.
struct StreamInput {
  std::string path;  // as in Entry
  Timestamp time;    // that its entries bear
  // Fills the view as far as there are bytes; less only at the end.
  std::function<std::size_t(MutableView)> read;
  // Asked once all was read; throws when what was read is not to be kept.
  std::function<void()> finish;
};

// What a backup reads: paths of this machine, or else a stream.
struct ReadSource {
  const std::vector<std::string>& paths;  // as resolve_source_path() makes them
  const WalkOptions& walk;
  const StreamInput* stream = nullptr;
};

class SourceReader : private Pinned {
 public:
  // An entry is looked for in the caches in turn.
  SourceReader(const ReadSource& source,
               const ReadContext& context,
               Pool& pool,
               std::vector<std::unique_ptr<FileCacheReader>> caches);
  ~SourceReader();

  // The next batch, complete; null at the end, or where a person has asked to stop.
  std::shared_ptr<ReadBatch> next();

  // Known once next() has returned null: whether there was more to read.
  [[nodiscard]] bool was_interrupted() const { return was_interrupted_; }

  [[nodiscard]] std::uint64_t opened_count() const { return opened_count_; }

 private:
  void run();
  void handle(WalkItem item);
  void add(ReadEntry entry, std::uint64_t buffer_bytes);
  void flush();
  // Hands the batch on, with the work that the pool still has to do on it.
  void push(std::shared_ptr<ReadBatch> batch, std::uint64_t weight, std::future<void> ready);
  void read_all();
  void read_stream();
  void read_large(WalkItem& item, ReadEntry entry);
  void read_content(const File& file, ReadEntry& entry);
  void push_hole(const std::string& path, std::uint64_t size);
  std::uint64_t read_blocks(const std::string& path,
                            std::uint64_t size_max,
                            const std::function<std::size_t(MutableView)>& read);
  const CachedEntry* find_unmodified(const WalkItem& item, Change& otherwise);
  bool is_later_name(const WalkItem& item, Entry& entry);
  Entry describe(const WalkItem& item);
  const std::string& owner(std::uint32_t number, bool is_group);

  ReadContext context_;
  Pool& pool_;
  std::vector<std::unique_ptr<FileCacheReader>> caches_;
  ReadSource source_;
  Walker walker_;

  struct Waiting {
    std::shared_ptr<ReadBatch> batch;
    std::future<void> ready;  // invalid when nothing was left to the pool
  };

  BoundedQueue<Waiting> queue_;
  std::shared_ptr<ReadBatch> open_;
  std::uint64_t open_bytes_ = 0;
  std::size_t open_directories_ = 0;
  const Directory* last_directory_ = nullptr;

  struct FirstName {
    std::string path;
    std::uint64_t names_left = 0;
  };

  std::map<std::pair<std::uint64_t, std::uint64_t>, FirstName> first_names_;  // device, inode
  std::map<std::uint32_t, std::string> users_;
  std::map<std::uint32_t, std::string> groups_;
  std::atomic<std::uint64_t> opened_count_{0};
  std::atomic<bool> was_interrupted_{false};
  std::thread thread_;
};

}  // namespace kist
