#include "engine/ops/backup/backup_run.h"

#include <set>

#include "engine/base/attempt.h"
#include "engine/base/disk/tree.h"
#include "engine/base/pool.h"
#include "engine/base/version.h"
#include "engine/blocks/block_reader.h"
#include "engine/blocks/block_writer.h"
#include "engine/blocks/index_loader.h"
#include "engine/blocks/pack_ranges.h"
#include "engine/content/chunker.h"
#include "engine/crypto/hash.h"
#include "engine/crypto/kdf.h"
#include "engine/format/encodable.h"
#include "engine/format/limits.h"
#include "engine/format/manifest_tree.h"
#include "engine/journal/journal.h"
#include "engine/ops/backup/ended_meanwhile.h"
#include "engine/ops/backup/file_cache.h"
#include "engine/ops/backup/pending_snapshots.h"
#include "engine/ops/backup/relied_packs.h"
#include "engine/ops/backup/snapshot_builder.h"
#include "engine/ops/backup/source_reader.h"
#include "engine/repository/condemned_packs.h"

namespace kist {

namespace {

GearTable gear_table(const Key& chunk_seed) {
  GearTable table{};
  Bytes bytes(table.size() * 8);
  fill_from_seed(derive_key(chunk_seed, KeyUse::gear_table), bytes);
  ByteReader in(bytes, "gear table");
  for (std::uint64_t& word : table) {
    word = in.u64();
  }
  return table;
}

ChunkerParameters chunker_of(const ContentParameters& content) {
  return {content.block_min, content.block_target, content.block_max};
}

std::string keyed_label(const WriteKeys& keys, std::string_view text, std::size_t digits) {
  return hex(hash_block(keys.id_key(), as_view(text))).substr(0, digits);
}

// The journal outlives a snapshot, so its source's name holds no path, but a keyed hash of them.
// The key is the slot's own, or everybody who writes could test guesses of what it backs up.
std::string default_source(const WriteKeys& keys,
                           const std::string& host,
                           const std::vector<std::string>& paths) {
  std::string all;
  for (const std::string& path : paths) {
    all += path;
    all += '\0';
  }
  const std::string label = hex(hash_block(keys.source_label_key(), as_view(all)));
  return concat(host, "-", label.substr(0, 8));
}

class Walk {
 public:
  explicit Walk(const BackupRun& run)
      : repository_(run.repository),
        keys_(run.repository.write_keys()),
        options_(run.options),
        paths_(run.paths),
        host_(options_.host.empty() ? host_name() : options_.host),
        source_(options_.source.empty() ? default_source(keys_, host_, labels()) : options_.source),
        source_key_(keyed_label(keys_, source_, 32)),
        started_ms_(repository_.services().clock.now_ms()),
        since_(run.since),
        begun_(repository_.state().next_sequence),
        given_up_(repository_.state().given_up),
        condemned_(repository_.state().condemned_packs()),
        problems_(repository_.observer()),
        chunker_(chunker_of(genesis().content), gear_table(keys_.chunk_seed())),
        pool_(run.pool),
        writer_(run.writer),
        cache_(repository_.local(),
               source_key_,
               repository_.services().random,
               repository_.observer()),
        builder_(keys_, writer_, cache_, problems_) {
    check_encodable(body({}));
    if (source_.size() > text_bytes_max) {
      throw Error(Code::invalid, "the source's name is too long");
    }
  }

  BackupResult run() {
    result_.snapshot = repository_.services().random.draw_id<SnapshotId>();
    result_.source = source_;
    read_all();
    const BlockId root = builder_.finish();
    result_.started_ms = time_ms();
    result_.statistics = statistics();
    result_.duration_ms = repository_.services().clock.now_ms() - started_ms_;
    result_.blocks_stored_again = writer_.stored_again_count();
    if (options_.is_dry_run) {
      result_.lost_packs = writer_.look().found();
      return result_;
    }
    StoredSnapshot stored = writer_.finish_snapshot(
        {.body = body(root), .statistics = result_.statistics, .started_ms = result_.started_ms});
    const JournalEntry entry = commit_snapshot(stored, result_.snapshot);
    result_.sequence = entry.sequence;
    result_.statistics = stored.statistics;
    cache_.end_era(numbers_of(entry));
    cache_.commit(CacheKind::complete, facts_of(entry, stored));
    remember_looks();
    result_.lost_packs = writer_.look().found();
    tell_lost_packs();
    warn_of_condemned(stored.references, std::get<SnapshotTaken>(entry.act));
    return result_;
  }

 private:
  // After an entry: the index knows by now which packs have ended.
  void remember_looks() {
    PackLook& look = writer_.look();
    if (look.has_doubts()) {
      BlockIndex& index = repository_.blocks().index(Cancelling::no);
      look.settle([&](const ObjectHash& pack) { return index.has_ended(pack); });
    }
    look.remember();
  }

  // What this run has found gone, all others should know. Its snapshot stands all the same.
  void tell_lost_packs() {
    FoundPacks found;
    for (const auto& [pack, problem] : result_.lost_packs) {
      found.fresh.insert(pack);
    }
    found.all = found.fresh;
    const auto silence = failure_of([&] { tell_damaged(repository_, found); });
    if (!silence) return;
    repository_.observer().notice(
        concat("other machines are not told which packs are gone: ", silence->text()));
  }

  // Packs that others have condemned while this run relied on them: its snapshot is no worse than
  // older ones, and the next backup stores again what the source still has of them.
  void warn_of_condemned(const ReferenceSet& set, const SnapshotTaken& taken) {
    const std::set<ObjectHash> condemned = repository_.state().condemned_packs();
    if (condemned.empty()) return;
    const BlockIndex::Reader index(repository_.blocks().index(Cancelling::no));
    std::size_t count = 0;
    for (const std::uint32_t number : PackRanges(index).packs_of(numbers_of_set(set, taken))) {
      const ObjectHash pack = index.pack(number).hash;
      if (condemned.contains(pack) && !condemned_.contains(pack)) ++count;
    }
    if (count == 0) return;
    repository_.observer().notice(
        concat("this snapshot relies on ", count, count == 1 ? " pack" : " packs",
               " that another machine has found damaged meanwhile: the next backup stores again "
               "what the source still has"));
  }

  [[nodiscard]] const Genesis& genesis() const { return repository_.state().genesis; }

  // The paths that the snapshot bears: those that were given, or the one of the stream.
  [[nodiscard]] std::vector<std::string> labels() const {
    return options_.stream ? std::vector<std::string>{"/" + options_.stream->path} : paths_;
  }

  [[nodiscard]] SnapshotBody body(const BlockId& root) const {
    SnapshotBody out;
    out.root = root;
    out.host = host_;
    out.program = concat("kist ", std::string_view(version));
    out.paths = labels();
    out.tags = options_.tags;
    out.description = options_.description;
    const WalkOptions& walk = options_.walk;
    out.is_selective = !walk.filter.empty() || walk.one_file_system || walk.excludes_caches ||
                       !walk.exclude_if_present.empty() || walk.exclude_larger_than != 0;
    out.problems = problems_.kept();
    return out;
  }

  // The time that the snapshot is of.
  [[nodiscard]] std::int64_t time_ms() const { return options_.time_ms.value_or(started_ms_); }

  [[nodiscard]] SnapshotStatistics statistics() const {
    SnapshotStatistics out = builder_.statistics();
    out.finished_ms = std::max(time_ms(), repository_.services().clock.now_ms());
    out.problems = problems_.count();
    if (options_.is_dry_run) {
      out.blocks_new = writer_.new_block_count();
      out.bytes_new = writer_.new_bytes();
    }
    return out;
  }

  // The caches of the source whose snapshots still stand: then all that they name does, unless it
  // was damaged. A backup that stores again goes on from the pending snapshot of another one only.
  std::vector<std::unique_ptr<FileCacheReader>> open_caches() {
    std::vector<std::unique_ptr<FileCacheReader>> out;
    for (const CacheKind kind : {CacheKind::pending, CacheKind::complete}) {
      auto cache = FileCacheReader::open(repository_.local(), source_key_, kind);
      if (!cache) continue;
      const CacheFacts& facts = cache->facts();
      const auto found = repository_.state().snapshots.find(facts.snapshot);
      if (!found || !found->is_live) continue;
      if (kind == CacheKind::complete) {
        expected_ = facts;
        if (!options_.stores_again) relied_.unite(facts.numbers);
      } else {
        if (options_.stores_again && facts.stored_again_from == 0) continue;
        if (options_.stores_again) rely_from_ = facts.stored_again_from;
        pending_.adopted_last_path = facts.last_path;
        relied_.unite(facts.numbers);
      }
      out.push_back(std::move(cache));
    }
    return out;
  }

  // What the caches name and the backup does not rely on.
  UnreliedNumbers find_unrelied() {
    unlisted_ = find_given_up_numbers(repository_.state(), writer_.index());
    std::optional<SnapshotState> newest;
    if (relied_.empty() && !options_.stores_again) {
      newest = find_newest_snapshot(repository_.state(), source_, repository_.keyring().slot());
    }
    return look_at_relied_packs(repository_, writer_, pool_,
                                {.source_key = source_key_,
                                 .numbers = relied_,
                                 .newest = std::move(newest),
                                 .unlisted = unlisted_,
                                 .rely_from = rely_from_,
                                 .is_dry_run = options_.is_dry_run});
  }

  // Pending snapshots that earlier backups of this source and slot left behind.
  void adopt_pending() {
    std::vector<SnapshotState> ours;
    for (const SnapshotId& id : repository_.state().pending) {
      SnapshotState snapshot = repository_.state().snapshots.at(id);
      const bool is_ours =
          snapshot.taken.source == source_ && snapshot.author == repository_.keyring().slot();
      if (is_ours) ours.push_back(std::move(snapshot));
    }
    std::ranges::sort(ours, {}, &SnapshotState::sequence);
    for (const SnapshotState& snapshot : ours) {
      if (const auto damage = damage_of([&] { adopt_blocks(snapshot); })) {
        repository_.observer().notice(
            concat("the pending snapshot ", hex(snapshot.taken.snapshot).substr(0, 10),
                   " cannot be read, and this backup does not go on from it: ", damage->text()));
      } else {
        pending_.own.push_back(snapshot.taken.snapshot);
      }
    }
    result_.has_resumed = !pending_.own.empty();
  }

  // Every block of a pending snapshot, as numbers that stand by themselves.
  void adopt_blocks(const SnapshotState& snapshot) {
    pending_.adopted.unite(numbers_of_snapshot(repository_.journal(), snapshot));
  }

  [[nodiscard]] bool is_within_adopted() const {
    return compare_paths(builder_.last_path(), pending_.adopted_last_path) < 0;
  }

  void read_all() {
    pending_.note_made(writer_, started_ms_);
    adopt_pending();
    std::optional<StreamInput> stream = options_.stream;
    if (stream) stream->time = {started_ms_ / 1000, 0};
    if (options_.stores_again) rely_from_ = repository_.state().next_number;
    std::vector<std::unique_ptr<FileCacheReader>> caches = open_caches();
    writer_.rely_from(rely_from_);
    const UnreliedNumbers unrelied = find_unrelied();
    SourceReader reader({paths_, options_.walk, stream ? &*stream : nullptr},
                        {keys_.id_key(), chunker_, repository_.observer(), problems_, &unrelied},
                        pool_, std::move(caches));
    while (const std::shared_ptr<ReadBatch> batch = reader.next()) {
      for (ReadEntry& entry : batch->entries) {
        builder_.add(entry, batch->buffer);
      }
      report_progress(batch->entries.back().entry.path);
      if (is_pending_due()) make_pending();
    }
    result_.files_opened = reader.opened_count();
    if (reader.was_interrupted()) stop();
  }

  void report_progress(const std::string& path) {
    const SnapshotStatistics& so_far = builder_.statistics();
    repository_.observer().progress({.files_done = so_far.files(),
                                     .files_total = expected_.files,
                                     .bytes_done = so_far.bytes_total,
                                     .bytes_total = expected_.bytes,
                                     .is_estimate = true,
                                     .current = "/" + path});
  }

  [[nodiscard]] bool is_pending_due() {
    if (options_.is_dry_run || !builder_.has_entries()) return false;
    return pending_.is_due_by_size(writer_, options_.pending_bytes, is_within_adopted()) ||
           pending_.is_due_by_time(repository_, writer_, since_);
  }

  // Commits what there is so far as a pending snapshot.
  JournalEntry commit_pending() {
    std::vector<ReferenceRun> unfinished;
    SnapshotBody so_far = body(builder_.put_root_so_far(unfinished));
    SnapshotStatistics counted = statistics();
    // Reading is ahead, by as much as there are threads: only what belongs to the entries is told.
    so_far.problems = problems_.kept_up_to(builder_.last_path());
    counted.problems = so_far.problems.size();
    StoredSnapshot stored =
        writer_.finish_snapshot({.body = so_far,
                                 .statistics = counted,
                                 .started_ms = time_ms(),
                                 .pending = PendingParts{.unfinished = std::move(unfinished),
                                                         .adopted = &pending_.adopted}});
    const auto id = repository_.services().random.draw_id<SnapshotId>();
    JournalEntry entry = commit_snapshot(stored, id);
    since_ = entry.sequence + 1;
    pending_.own.push_back(id);
    pending_.note_made(writer_, repository_.services().clock.now_ms());
    ++result_.pending_snapshots;
    cache_.end_era(numbers_of(entry));
    cache_.commit(CacheKind::pending, facts_of(entry, stored));
    remember_looks();
    return entry;
  }

  void make_pending() {
    const std::uint64_t files = builder_.statistics().files();
    const EntryNumbers numbers = numbers_of(commit_pending());
    if (repository_.observer().cancelled()) throw_kept(files);
    builder_.begin_next_entry(numbers);
    writer_.begin_next_entry(numbers);
  }

  // A person asked to stop: what was read till now is kept.
  [[noreturn]] void stop() {
    const std::uint64_t files = builder_.statistics().files();
    // What an earlier walk has stored serves the next one, if there is one.
    const bool has_news = writer_.new_block_count() > 0 && builder_.has_entries();
    if (is_within_adopted()) {
      throw Interrupted(
          "interrupted; what an earlier backup has kept is still kept: run the same command "
          "again to go on from there");
    }
    if (options_.is_dry_run || (!has_news && result_.pending_snapshots == 0)) {
      throw Interrupted("interrupted; nothing new had been stored");
    }
    if (has_news) commit_pending();
    throw_kept(files);
  }

  [[noreturn]] void throw_kept(std::uint64_t files) const {
    throw Interrupted(concat("interrupted; ", files, " files are kept as the pending snapshot ",
                             hex(pending_.own.back()).substr(0, 10),
                             "; run the same command again to go on from there"));
  }

  static EntryNumbers numbers_of(const JournalEntry& entry) {
    return std::get<SnapshotTaken>(entry.act).numbers;
  }

  [[nodiscard]] CacheFacts facts_of(const JournalEntry& entry, const StoredSnapshot& stored) const {
    const auto& taken = std::get<SnapshotTaken>(entry.act);
    return {.snapshot = taken.snapshot,
            .started_ms = started_ms_,
            .files = stored.statistics.files(),
            .bytes = stored.statistics.bytes_total,
            .stored_again_from = rely_from_,
            .eras = {},
            .last_path = {},
            .numbers = numbers_of_set(stored.references, taken)};
  }

  // A pack or segment belongs to the entry that stored it first. Another slot may have seen ours
  // in the store before our entry was committed, and have stored them; our snapshot would then
  // depend on that slot. So it is not committed. Nor while an entry that has come since cannot be
  // read whole: what it names may be ours, and shows later.
  void require_unclaimed(const StoredSnapshot& stored) {
    BlockIndex& blocks = repository_.blocks().index(Cancelling::no);
    const std::set<std::uint64_t> unloaded = blocks.unloaded_entries();
    if (unloaded.lower_bound(since_) != unloaded.end()) {
      throw Overtaken(concat("journal entry ", *unloaded.rbegin(),
                             " names an index segment that cannot be read, which may claim packs "
                             "of this backup"),
                      true);
    }
    const BlockIndex::Reader index(blocks);
    const State& state = repository_.state();
    const bool is_claimed =
        std::ranges::any_of(
            stored.packs,
            [&](const ObjectHash& pack) { return index.find_pack(pack).has_value(); }) ||
        std::ranges::any_of(stored.segments,
                            [&](const SegmentIntroduction& segment) {
                              return state.segments.contains(segment.index_segment);
                            }) ||
        std::ranges::any_of(stored.key_segments, [&](const ObjectHash& hash) {
          return state.key_segments.contains(hash);
        });
    if (!is_claimed) return;
    throw Overtaken("another slot has claimed packs of this backup before it was committed", true);
  }

  JournalEntry commit_snapshot(StoredSnapshot& stored, const SnapshotId& id) {
    const Journal::Writable writable = repository_.journal().require_writable();
    return repository_.journal().commit(writable, [&](const State& state) {
      require_unclaimed(stored);  // first: it may replay, and what follows goes by the state
      if (has_lost_objects(repository_, since_, stored)) {
        throw Overtaken("a collection has removed what this backup had put, and no entry named",
                        true);
      }
      if (relies_on_ended(repository_, begun_, unlisted_, stored)) {
        throw Overtaken("a collection has ended blocks that this backup relies on", false);
      }
      if (state.given_up != given_up_) {
        throw Overtaken(
            "meanwhile an owner has given up damaged keys, and what this backup relies on may have "
            "gone with them",
            false);
      }
      if (stored.epoch != state.epoch) writer_.seal_keys(stored);
      SnapshotTaken taken = snapshot_entry(stored, state, source_, repository_.keyring().slot());
      taken.snapshot = id;
      taken.replaces = replaceable(state);
      return Act(std::move(taken));
    });
  }

  // The newest of the pending snapshots that this backup goes on from, if it still is one.
  [[nodiscard]] SnapshotId replaceable(const State& state) const {
    SnapshotId out;
    for (const SnapshotId& id : pending_.own) {
      if (state.pending.contains(id)) out = id;
    }
    return out;
  }

  Repository& repository_;
  const WriteKeys keys_;
  const BackupOptions& options_;
  const std::vector<std::string>& paths_;
  const std::string host_;
  const std::string source_;
  const std::string source_key_;
  const std::int64_t started_ms_;
  std::uint64_t since_;           // packs that no entry names were put after the entries below
  const std::uint64_t begun_;     // the walk goes by the entries below
  const std::uint64_t given_up_;  // by the state that blocks are looked up under
  const std::set<ObjectHash> condemned_;  // packs, likewise
  ProblemLog problems_;
  Chunker chunker_;
  Pool& pool_;
  BlockWriter& writer_;
  FileCacheWriter cache_;
  SnapshotBuilder builder_;
  PendingSnapshots pending_;
  CacheFacts expected_;                // what the source held the last time
  NumberSet relied_;                   // what the caches name
  std::uint64_t rely_from_ = 0;        // of a backup that stores again; else 0
  std::vector<NumberRange> unlisted_;  // numbers that no segment lists, when the walk began
  BackupResult result_;
};

}  // namespace

BackupResult walk(const BackupRun& run) {
  return Walk(run).run();
}

}  // namespace kist
