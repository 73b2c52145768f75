#include "engine/ops/backup.h"

#include <atomic>
#include <set>
#include <thread>

#include "engine/base/disk/tree.h"
#include "engine/base/pool.h"
#include "engine/content/chunker.h"
#include "engine/crypto/hash.h"
#include "engine/crypto/kdf.h"
#include "engine/format/limits.h"
#include "engine/format/manifest_tree.h"
#include "engine/ops/file_cache.h"
#include "engine/ops/source_reader.h"
#include "engine/repository/commit.h"
#include "engine/repository/ingest.h"
#include "engine/repository/sync.h"

namespace kist {

namespace {

constexpr std::string_view program = "kist 0.1.0";

GearTable gear_table(const Key& chunk_seed) {
  GearTable table{};
  Bytes bytes(table.size() * 8);
  fill_from_seed(derive_key(chunk_seed, 1, "kistgear"), bytes);
  ByteReader in(bytes, "gear table");
  for (std::uint64_t& word : table) {
    word = in.u64();
  }
  return table;
}

PathHash path_hash(const Key& chunk_seed) {
  const Key key = derive_key(chunk_seed, 1, "kistpath");
  std::array<std::uint8_t, 16> short_key{};
  std::copy_n(key.view().begin(), short_key.size(), short_key.begin());
  return [short_key](std::string_view path) { return short_hash(short_key, as_view(path)); };
}

ChunkerParameters chunker_of(const ContentParameters& content) {
  return {content.block_min, content.block_target, content.block_max};
}

std::string keyed_label(const Repository& repository, std::string_view text, std::size_t digits) {
  return hex(hash_block(repository.keyring.secrets().id_key, as_view(text))).substr(0, digits);
}

// The journal outlives a snapshot, so the name of its source tells no path.
std::string default_source(const Repository& repository,
                           const std::string& host,
                           const std::vector<std::string>& paths) {
  std::string all;
  for (const std::string& path : paths) {
    all += path;
    all += '\0';
  }
  return concat(host, "-", keyed_label(repository, all, 8));
}

// The consuming side: entries come complete and in order, blocks go in, the manifest grows.
class SnapshotBuilder {
 public:
  SnapshotBuilder(Repository& repository, Ingest& ingest, FileCacheWriter& cache)
      : observer_(repository.observer()),
        ingest_(ingest),
        cache_(cache),
        manifest_([this](View block) { return put_manifest_block(block); },
                  path_hash(repository.keyring.secrets().chunk_seed)),
        put_content_([this](View block) { return put_entry_block(block); }),
        content_(put_content_) {}

  void add(ReadEntry& read, View buffer) {
    for (const ReadPiece& piece : read.pieces) {
      add_piece(piece, buffer);
    }
    if (!read.is_last) return;
    std::vector<ContentItem> items = content_.finish();
    if (read.has_failed || !can_stand(read)) {
      runs_.clear();
      failed_.insert(read.entry.path);
      return;
    }
    if (read.change == Change::unmodified) {
      runs_ = std::move(read.runs);
    } else {
      complete(read.entry, std::move(items));
    }
    count(read);
    manifest_.add(read.entry);
    for (const ReferenceRun& run : runs_) {
      ingest_.refer(run);
    }
    cache_.add(read.entry, runs_);
    runs_.clear();
  }

  BlockId finish() { return manifest_.finish(); }

  [[nodiscard]] std::uint64_t problem_count() const { return problem_count_; }

  [[nodiscard]] const SnapshotStatistics& statistics() const { return statistics_; }

 private:
  // Whether the entry can be part of the manifest; if not, that is told.
  bool can_stand(const ReadEntry& read) {
    try {
      check_encodable(read.entry);
      if (read.entry.type == EntryType::hard_link && failed_.contains(read.entry.link_target)) {
        throw Error(Code::failed, concat("it is another name of /", read.entry.link_target,
                                         ", which could not be read"));
      }
      return true;
    } catch (const Error& error) {
      ++problem_count_;
      observer_.problem("/" + read.entry.path, error);
      return false;
    }
  }

  void add_piece(const ReadPiece& piece, View buffer) {
    if (piece.type == ItemType::block) {
      append_run(runs_,
                 ingest_.add(PackKind::data, piece.id, buffer.subspan(piece.offset, piece.size)));
    }
    content_.add({piece.type, piece.size, piece.id});
  }

  // What a new or changed entry says of content and attributes.
  void complete(Entry& entry, std::vector<ContentItem> items) {
    if (entry.type == EntryType::file && !entry.inline_content) {
      entry.size = 0;
      for (const ContentItem& item : items) {
        entry.size += item.size;
      }
      entry.content = std::move(items);
      if (entry.size == 0) entry.inline_content.emplace();
    }
    if (!xattrs_fit_entry(entry.xattrs)) {
      entry.xattrs_block = put_entry_block(encode_xattr_block(entry.xattrs));
      entry.xattrs.clear();
    }
  }

  BlockId put_manifest_block(View block) {
    BlockId id;
    ingest_.refer(ingest_.add_meta(block, id));
    return id;
  }

  // A block that belongs to the current entry: the cache must know of it.
  BlockId put_entry_block(View block) {
    BlockId id;
    append_run(runs_, ingest_.add_meta(block, id));
    return id;
  }

  void count(const ReadEntry& read) {
    const Entry& entry = read.entry;
    if (entry.type == EntryType::directory) {
      ++statistics_.directories;
    } else if (entry.type != EntryType::file) {
      ++statistics_.others;
    } else {
      statistics_.bytes_total += entry.size;
      if (read.change == Change::unmodified) ++statistics_.files_unmodified;
      if (read.change == Change::changed) ++statistics_.files_changed;
      if (read.change == Change::fresh) ++statistics_.files_new;
    }
  }

  Observer& observer_;
  Ingest& ingest_;
  FileCacheWriter& cache_;
  ManifestBuilder manifest_;
  PutBlock put_content_;
  ContentBuilder content_;
  std::vector<ReferenceRun> runs_;  // what the current entry needs
  SnapshotStatistics statistics_;
  std::set<std::string> failed_;  // paths that are not in the snapshot though the walk met them
  std::uint64_t problem_count_ = 0;
};

// The cache of the source's last backup, if its snapshot still stands: then all that it names does.
std::unique_ptr<FileCacheReader> usable_cache(const Repository& repository,
                                              const std::string& source_key) {
  auto cache = FileCacheReader::open(repository.local->cache_directory(), source_key);
  if (!cache) return nullptr;
  const auto found = repository.state().snapshots.find(cache->facts().snapshot);
  const bool stands = found != repository.state().snapshots.end() && found->second.is_live;
  return stands ? std::move(cache) : nullptr;
}

JournalEntry commit_snapshot(Repository& repository,
                             const SnapshotId& id,
                             const std::string& source,
                             const Introduced& introduced) {
  return commit(repository, [&](const State& state) {
    const Policy& policy = state.policies.at("default");
    SnapshotTaken taken;
    taken.snapshot = id;
    taken.source = source;
    taken.policy = policy.name;
    taken.minimum = policy.minimum;
    taken.maximum = policy.maximum;
    taken.lock = policy.lock;
    taken.body = introduced.body;
    taken.reference_set = introduced.reference_set;
    taken.key_segments = introduced.key_segments;
    taken.segments = introduced.segments;
    for (SegmentIntroduction& segment : taken.segments) {
      segment.first_number += state.next_number;
    }
    return Act(std::move(taken));
  });
}

SnapshotBody describe(const BackupOptions& options,
                      const std::string& host,
                      const std::vector<std::string>& paths,
                      const BlockId& root) {
  SnapshotBody body;
  body.root = root;
  body.host = host;
  body.program = program;
  body.paths = paths;
  body.tags = options.tags;
  body.description = options.description;
  return body;
}

unsigned thread_count(unsigned wanted) {
  return wanted != 0 ? wanted : std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace

BackupResult backup(Repository& repository, const BackupOptions& options) {
  require_capability(repository, can_write);
  std::vector<std::string> paths;
  for (const std::string& path : options.paths) {
    paths.push_back(resolve_source_path(path));
  }
  if (paths.empty()) throw Error(Code::invalid, "name at least one path to back up");
  sync_index(repository);

  BackupResult result;
  result.snapshot = repository.around.random.draw_id<SnapshotId>();
  const std::string host = options.host.empty() ? host_name() : options.host;
  result.source = options.source.empty() ? default_source(repository, host, paths) : options.source;
  check_encodable(describe(options, host, paths, {}));
  if (result.source.size() > text_bytes_max) {
    throw Error(Code::invalid, "the source's name is too long");
  }
  const std::int64_t started_ms = repository.around.clock.now_ms();
  const Secrets& secrets = repository.keyring.secrets();
  const Genesis& genesis = repository.state().genesis;
  const Chunker chunker(chunker_of(genesis.content), gear_table(secrets.chunk_seed));
  const std::string source_key = keyed_label(repository, result.source, 32);
  const int level = options.compression < 0 ? genesis.content.compression : options.compression;

  std::atomic<std::uint64_t> problem_count{0};
  std::atomic<std::uint64_t> bytes_read{0};
  Pool pool(thread_count(options.threads));  // its tasks end before what they use goes
  Ingest ingest(repository, pool, {level});
  FileCacheWriter cache(repository.local->cache_directory(), source_key, repository.around.random);
  SnapshotBuilder builder(repository, ingest, cache);
  {
    SourceReader reader(paths,
                        {secrets.id_key, chunker, repository.observer(), problem_count, bytes_read},
                        pool, usable_cache(repository, source_key));
    while (const std::shared_ptr<ReadBatch> batch = reader.next()) {
      for (ReadEntry& entry : batch->entries) {
        builder.add(entry, batch->buffer);
      }
      const SnapshotStatistics& so_far = builder.statistics();
      repository.observer().progress({.files_done = so_far.files(),
                                      .files_total = 0,
                                      .bytes_done = so_far.bytes_total,
                                      .bytes_total = 0,
                                      .current = "/" + batch->entries.back().entry.path});
    }
    result.files_opened = reader.opened_count();
  }
  const BlockId root = builder.finish();
  result.statistics = builder.statistics();
  result.statistics.started_ms = started_ms;
  result.statistics.finished_ms = repository.around.clock.now_ms();
  result.statistics.bytes_read = bytes_read;
  result.statistics.problems = problem_count + builder.problem_count();
  const Introduced introduced =
      ingest.finish(describe(options, host, paths, root), result.statistics);
  const JournalEntry entry =
      commit_snapshot(repository, result.snapshot, result.source, introduced);

  result.sequence = entry.sequence;
  result.statistics = introduced.statistics;
  const auto& taken = std::get<SnapshotTaken>(entry.act);
  cache.commit({.snapshot = result.snapshot,
                .started_ms = started_ms,
                .first_number = taken.segments.empty() ? 0 : taken.segments.front().first_number,
                .new_data_count = ingest.new_data_count()});
  return result;
}

}  // namespace kist
