#include "engine/ops/epoch/end_epoch.h"

#include <algorithm>
#include <memory>

#include "engine/base/attempt.h"
#include "engine/blocks/block_reader.h"
#include "engine/blocks/index_loader.h"
#include "engine/blocks/objects.h"
#include "engine/blocks/snapshot_inspector.h"
#include "engine/content/compress.h"
#include "engine/crypto/hash.h"
#include "engine/crypto/seal.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/journal/epoch_keys.h"
#include "engine/journal/journal.h"
#include "engine/journal/journal_end.h"
#include "engine/keys/epoch_box.h"
#include "engine/ops/epoch/key_rewriter.h"
#include "engine/repository/ended_objects.h"
#include "engine/store/twins.h"

namespace kist {

namespace {

constexpr int tries_max = 64;

void require_right(const Repository& repository, const EndEpochOptions& options) {
  repository.require(can_maintain);
  if (!options.revoked.empty() || options.drops_unreadable) repository.require(can_own);
}

std::vector<std::string> paths_of(const std::vector<ObjectHash>& key_segments) {
  std::vector<std::string> out;
  out.reserve(key_segments.size());
  for (const ObjectHash& hash : key_segments) {
    out.push_back(key_segment_path(hash));
  }
  return out;
}

void check_revoked(const State& state, const SlotId& own, const std::vector<SlotId>& revoked) {
  for (const SlotId& id : revoked) {
    const auto slot = state.slots.find(id);
    if (slot == state.slots.end()) throw Error(Code::invalid, "there is no such slot");
    if (slot->second.is_revoked) throw Error(Code::invalid, "that slot was revoked already");
    if (id == own) {
      throw Error(Code::invalid, "a slot cannot revoke itself; use another owner's");
    }
  }
}

// A box for every slot that stays.
std::vector<NamedBox> write_boxes(Repository& repository,
                                  const NewEpoch& epoch,
                                  const EpochSlots& slots) {
  std::vector<NamedBox> out;
  for (const SlotId& id : slots.kept) {
    const SlotIntroduction& introduction = repository.state().slots.at(id).introduction;
    const bool may_read = (introduction.capabilities & can_read) != 0;
    const Bytes box =
        make_epoch_box(epoch.origin, introduction.slot, introduction.box_key,
                       {epoch.journal_key, epoch.index_key, epoch.secret, epoch.begun}, may_read);
    const std::string name =
        epoch_box_path(epoch.origin.epoch_number, epoch.origin.epoch, introduction.slot);
    put_twinned(repository.writer(), name, box);
    require_stored(repository, name, box);
    out.push_back({introduction.slot, hash_object(box)});
  }
  return out;
}

// This slot, for one, opens its box.
void require_own_box(Repository& repository, const NewEpoch& epoch) {
  const std::optional<OpenedEpoch> own = repository.keyring().open_epoch(
      repository.reader(), epoch.origin.epoch_number, epoch.origin.epoch, repository.observer(),
      [](const OpenedEpoch&) { return true; });
  const auto is_same = [](const Key& a, const Key& b) { return equal(a.view(), b.view()); };
  if (own && own->begun == epoch.begun && is_same(own->journal_key, epoch.journal_key) &&
      is_same(own->index_key, epoch.index_key) && is_same(own->epoch_secret, epoch.secret)) {
    return;
  }
  throw Error(Code::corrupt, "the new epoch's box does not open; nothing has changed");
}

constexpr std::string_view give_up_advice =
    "; nothing has changed. Restore it from a copy of the repository, or give up, with "
    "--drop-unreadable, what is damaged and all that only it opens";

// Whether the author is revoked, or will be by this end of the epoch. Unreadable objects that only
// such slots refer to do not block it.
bool is_shut_out(const State& state, const SlotId& author, const std::vector<SlotId>& revoked) {
  return std::ranges::count(revoked, author) > 0 || state.slots.at(author).is_revoked;
}

// Whether somebody else's snapshots may stand on blocks that this one has introduced.
bool is_relied_on(const State& state, const SnapshotState& snapshot) {
  const bool is_any_trusted = std::ranges::any_of(
      state.policies, [](const auto& policy) { return policy.second.dedup == Trust::all; });
  return std::ranges::any_of(snapshot.taken.segments, [&](const SegmentIntroduction& introduction) {
    return is_any_trusted || state.segments.at(introduction.index_segment).is_proved;
  });
}

// Unreadable index segments of revoked slots: their keys are not carried on, so that they do not
// keep the index incomplete for ever. Neither are those of the bodies and sets that keep the
// snapshots `given_up` from opening: everybody can tell from then on that these open for nobody.
std::set<AuthoredObject> find_abandoned(const Repository& repository,
                                        BlockIndex& index,
                                        const std::vector<SlotId>& revoked,
                                        const std::vector<SnapshotId>& given_up) {
  std::set<AuthoredObject> out;
  const State& state = repository.state();
  for (const SnapshotId& id : given_up) {
    const SnapshotState snapshot = state.snapshots.at(id);
    for (const auto& [type, hash] :
         {std::pair(ObjectType::body, snapshot.taken.body),
          std::pair(ObjectType::reference_set, snapshot.taken.reference_set)}) {
      const auto damage = damage_of([&, type = type, hash = hash] {
        static_cast<void>(get_hashed(repository.reader(), type, hash, repository.observer()));
      });
      if (damage) out.insert({snapshot.author, hash});
    }
  }
  const std::set<std::uint64_t> unloaded = index.unloaded_entries();
  if (unloaded.empty()) return out;
  for (const SnapshotPtr& snapshot : state.all_snapshots()) {
    const bool is_abandoned = unloaded.contains(snapshot->sequence) &&
                              is_shut_out(state, snapshot->author, revoked) &&
                              !is_relied_on(state, *snapshot);
    if (!is_abandoned) continue;
    for (const SegmentIntroduction& introduction : snapshot->taken.segments) {
      const ObjectHash& hash = introduction.index_segment;
      const auto damage = damage_of(
          [&] { static_cast<void>(get_whole_index_segment(repository.journal(), hash)); });
      if (damage) out.insert({snapshot->author, hash});
    }
  }
  return out;
}

void require_whole(const Repository& repository,
                   const std::vector<ObjectHash>& damaged,
                   const std::vector<SlotId>& revoked) {
  const State& state = repository.state();
  if (damaged.empty()) return;
  for (const SnapshotPtr& snapshot : state.all_snapshots()) {
    for (const ObjectHash& name : state.key_segments_of(*snapshot)) {
      if (!std::ranges::binary_search(damaged, name)) continue;
      if (is_shut_out(state, snapshot->author, revoked) && !is_relied_on(state, *snapshot))
        continue;
      throw Error(Code::corrupt,
                  concat(key_segment_path(name), ", which journal entry ", snapshot->sequence,
                         " of slot ", state.slots.at(snapshot->author).introduction.name,
                         " needs, is damaged or missing", give_up_advice));
    }
  }
}

// One attempt, on the state as it is: false when another entry has come meanwhile. What it wrote is
// then of an epoch that never began.
bool try_end(Repository& repository,
             const Journal::Writable& writable,
             const EndEpochOptions& options,
             EndEpochResult& result) {
  const ReadKeys keys = repository.read_keys();
  BlockIndex& index = repository.blocks().complete_index();  // first: it may replay
  const State& state = repository.state();
  check_revoked(state, repository.keyring().slot(), options.revoked);
  const NewEpoch epoch = draw_epoch(repository);
  result.given_up = find_given_up(repository, options);
  EpochEnded act;
  {
    KeyRewriter rewriter(repository, index, keys, epoch,
                         find_abandoned(repository, index, options.revoked, result.given_up));
    if (!options.drops_unreadable) {
      require_whole(repository, rewriter.find_damaged(), options.revoked);
    }
    rewriter.carry_all();
    rewriter.require_complete();
    // What was whole a moment ago may not be any more.
    if (!options.drops_unreadable) require_whole(repository, rewriter.dropped, options.revoked);
    act.keys = std::move(rewriter.ranges);
    act.dropped = std::move(rewriter.dropped);
  }
  act.former = {
      .epoch = state.epoch,
      .begun = state.epoch_begun,
      .journal_key = seal_journal_key(repository.keyring().journal_key(), epoch.journal_key)};
  act.epoch_key = box_public_key(epoch.secret);
  // Clients must not go on relying on what was opened by keys that are given up.
  act.forgets = options.forgets || !act.dropped.empty();
  const EpochSlots slots = plan_epoch_slots(state, options.revoked);
  act.revoked = slots.shut_out;
  act.boxes = write_boxes(repository, epoch, slots);
  require_own_box(repository, epoch);
  repository.writer().barrier();
  result.dropped = paths_of(act.dropped);
  JournalEntry entry = repository.journal().next_entry(std::move(act));
  // The boxes say with which entry the epoch begins, so they hold for that number alone.
  if (entry.sequence != epoch.begun) return false;
  entry.epoch_number = epoch.origin.epoch_number;
  entry.epoch = epoch.origin.epoch;
  result.sequence = entry.sequence;
  result.epoch_number = entry.epoch_number;
  return repository.journal().commit_at_head(writable, entry, epoch.journal_key);
}

// Some of what can be read before, and must be by the new epoch's secrets alone before anything is
// removed. A malicious writer's snapshots may hold anything, so what opens is found by trying.
class Sample {
 public:
  explicit Sample(Repository& repository) : repository_(repository) {
    const Readers readers(repository);
    const std::uint32_t count = readers.index.pack_count();
    const std::uint32_t step = std::max(1U, count / sample_max);
    for (std::uint32_t pack = 0; pack < count; pack += step) {
      const ObjectHash name = readers.index.pack(pack).hash;
      if (!failure_of([&] { read(readers, name); })) packs_.push_back(name);
    }
    std::vector<SnapshotPtr> live = repository.state().live_snapshots();
    if (live.size() > sample_max) live.erase(live.begin(), live.end() - sample_max);
    for (const SnapshotPtr& snapshot : live) {
      const SnapshotId& id = snapshot->taken.snapshot;
      if (!failure_of([&] { read(readers, id); })) snapshots_.push_back(id);
    }
  }

  void require_opens() const {
    const Readers readers(repository_);
    for (const ObjectHash& pack : packs_) {
      read(readers, pack);
    }
    for (const SnapshotId& snapshot : snapshots_) {
      read(readers, snapshot);
    }
  }

 private:
  struct Readers {
    explicit Readers(Repository& repository)
        : keys(repository.read_keys()),
          index(repository.blocks().index()),
          frames(std::make_unique<FrameReader>(repository.journal(), keys)) {}

    ReadKeys keys;
    BlockIndex::Reader index;
    std::unique_ptr<FrameReader> frames;
  };

  static void read(const Readers& readers, const ObjectHash& name) {
    const auto pack = readers.index.find_pack(name);
    if (!pack) throw Error(Code::missing, concat(pack_path(name), " is in no index segment"));
    Decompressor decompressor;
    static_cast<void>(
        readers.frames->read(FrameReader::plan(readers.index, {*pack, 0}), decompressor));
  }

  void read(const Readers& readers, const SnapshotId& id) const {
    const SnapshotState snapshot = repository_.state().snapshots.at(id);
    static_cast<void>(get_body(repository_.journal(), readers.keys, snapshot));
    static_cast<void>(get_reference_set(repository_.journal(), snapshot));
  }

  static constexpr std::uint32_t sample_max = 16;

  Repository& repository_;
  std::vector<ObjectHash> packs_;
  std::vector<SnapshotId> snapshots_;
};

// False when the journal has gone on meanwhile. What is missing then may be what another epoch's
// end has removed.
bool try_again(Repository& repository,
               const Journal::Writable& writable,
               const EndEpochOptions& options,
               EndEpochResult& result) {
  repository.journal().replay_readable();
  const ObjectHash head = repository.state().head;
  bool is_ended = false;
  const auto damage = damage_of([&] { is_ended = try_end(repository, writable, options, result); });
  if (!damage) return is_ended;
  repository.journal().replay_readable();
  if (repository.state().head == head) throw Error(*damage);
  return false;
}

void finish(Repository& repository,
            const Journal::Writable& writable,
            const Sample& sample,
            EndEpochResult& result) {
  repository.journal().replay_readable();
  in_context("what only the former epoch opens was kept", [&] { sample.require_opens(); });
  in_context("kist verify --repair completes the removal of what only former epochs open",
             [&] { result.removed = remove_ended_objects(repository); });
  repository.journal().record_state_remade(writable);
}

}  // namespace

std::vector<SnapshotId> find_given_up(const Repository& repository,
                                      const EndEpochOptions& options) {
  const State& state = repository.state();
  const ReadKeys keys = repository.read_keys();
  std::vector<SnapshotId> out;
  for (const SnapshotPtr& snapshot : state.live_snapshots()) {
    const bool is_asked_for =
        std::ranges::count(options.revoked, snapshot->author) > 0 ||
        (options.drops_unreadable && state.slots.at(snapshot->author).is_revoked);
    if (!is_asked_for) continue;
    check_cancelled(repository.observer());
    const Openness found = inspect_snapshot(repository.journal(), &keys, *snapshot).openness;
    const bool is_given_up =
        found == Openness::absent || (found == Openness::damaged && options.drops_unreadable);
    if (is_given_up) out.push_back(snapshot->taken.snapshot);
  }
  return out;
}

EndEpochPlan plan_end_epoch(Repository& repository, const EndEpochOptions& options) {
  require_right(repository, options);
  repository.journal().replay_readable();
  require_entries(repository.reader(), repository.state());
  const ReadKeys keys = repository.read_keys();
  BlockIndex& index = repository.blocks().complete_index();  // first: it may replay
  const State& state = repository.state();
  check_revoked(state, repository.keyring().slot(), options.revoked);
  const NewEpoch epoch = draw_epoch(repository);
  const std::vector<SnapshotId> given_up = find_given_up(repository, options);
  const KeyRewriter rewriter(repository, index, keys, epoch,
                             find_abandoned(repository, index, options.revoked, given_up));
  if (!options.drops_unreadable) {
    require_whole(repository, rewriter.find_damaged(), options.revoked);
  }
  const KeyRewriter::Forecast forecast = rewriter.foresee();
  return {.sequence = epoch.begun,
          .epoch_number = epoch.origin.epoch_number,
          .slots = plan_epoch_slots(state, options.revoked),
          .carried = paths_of(forecast.carried),
          .dropped = paths_of(forecast.dropped),
          .given_up = given_up,
          .removal = plan_after_epoch_end(state, options.revoked, list_secret_objects(repository))};
}

EndEpochResult end_epoch(Repository& repository, const EndEpochOptions& options) {
  require_right(repository, options);
  const Journal::Writable writable = repository.journal().require_writable();
  repository.journal().replay_readable();
  require_entries(repository.reader(), repository.state());
  const Sample sample(repository);
  EndEpochResult result;
  for (int tries = 1; !try_again(repository, writable, options, result); ++tries) {
    if (tries < tries_max) continue;
    throw Error(Code::conflict,
                concat("others committed first ", tries_max,
                       " times in a row; run again when the repository is less busy"));
  }
  in_context(concat("epoch ", result.epoch_number, " has begun"),
             [&] { finish(repository, writable, sample, result); });
  return result;
}

}  // namespace kist
