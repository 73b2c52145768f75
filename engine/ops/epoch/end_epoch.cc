#include "engine/ops/epoch/end_epoch.h"

#include <algorithm>
#include <memory>

#include "engine/blocks/block_reader.h"
#include "engine/blocks/index_loader.h"
#include "engine/content/compress.h"
#include "engine/crypto/hash.h"
#include "engine/crypto/seal.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/journal/commit.h"
#include "engine/journal/epoch_keys.h"
#include "engine/ops/epoch/key_rewriter.h"
#include "engine/repository/ended_objects.h"

namespace kist {

namespace {

constexpr int tries_max = 64;

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
                                  const std::vector<SlotId>& revoked) {
  std::vector<NamedBox> out;
  for (const SlotState* slot : repository.state().current_slots()) {
    const SlotIntroduction& introduction = slot->introduction;
    if (std::ranges::count(revoked, introduction.slot) > 0) continue;
    const bool may_read = (introduction.capabilities & can_read) != 0;
    const Bytes box =
        make_epoch_box(epoch.origin, introduction.slot, introduction.box_key,
                       {epoch.journal_key, epoch.index_key, epoch.secret, epoch.begun}, may_read);
    const std::string name =
        epoch_name(epoch.origin.epoch_number, epoch.origin.epoch, introduction.slot);
    put_twinned(repository.writer(), name, box);
    require_stored(repository, name, box);
    out.push_back({introduction.slot, hash_object(box)});
  }
  return out;
}

// This slot, for one, opens its box.
void require_own_box(Repository& repository, const NewEpoch& epoch) {
  const std::optional<OpenedEpoch> own = repository.keyring.open_epoch(
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

// What a slot that is being shut out, or was, has named and nobody can read keeps nobody from going
// on.
bool is_of(const State& state, const SlotId& author, const std::vector<SlotId>& revoked) {
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

// Whose packs are whose is told by the index segments: where one cannot be read, somebody's claim
// could take the place of it for good.
void require_no_gap(Repository& repository, const std::vector<SlotId>& revoked) {
  sync_whole_index(repository);
  const std::set<std::uint64_t> gaps = repository.local->index().gaps();
  const State& state = repository.state();
  if (gaps.empty()) return;
  for (const SnapshotPtr& snapshot : state.all_snapshots()) {
    if (!gaps.contains(snapshot->sequence)) continue;
    if (is_of(state, snapshot->author, revoked)) continue;
    throw Error(Code::corrupt,
                concat("a segment that journal entry ", snapshot->sequence, " of slot ",
                       state.slots.at(snapshot->author).introduction.name,
                       " names is damaged or missing (kist verify says which)", give_up_advice));
  }
}

// Index segments that nobody can read, of slots whose word counts for nobody any more: without
// their keys they keep the index from being whole no longer.
std::set<ObjectHash> find_abandoned(Repository& repository, const std::vector<SlotId>& revoked) {
  std::set<ObjectHash> out;
  const std::set<std::uint64_t> gaps = repository.local->index().gaps();
  if (gaps.empty()) return out;
  const State& state = repository.state();
  for (const SnapshotPtr& snapshot : state.all_snapshots()) {
    const bool is_abandoned = gaps.contains(snapshot->sequence) &&
                              is_of(state, snapshot->author, revoked) &&
                              !is_relied_on(state, *snapshot);
    if (!is_abandoned) continue;
    for (const SegmentIntroduction& introduction : snapshot->taken.segments) {
      try {
        static_cast<void>(get_whole_index_segment(repository, introduction.index_segment));
      } catch (const Error& error) {
        if (!is_damage(error)) throw;
        out.insert(introduction.index_segment);
      }
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
    for (const ObjectHash& name : snapshot->key_segments) {
      if (!std::ranges::binary_search(damaged, name)) continue;
      if (is_of(state, snapshot->author, revoked) && !is_relied_on(state, *snapshot)) continue;
      throw Error(Code::corrupt,
                  concat(key_segment_name(name), ", which journal entry ", snapshot->sequence,
                         " of slot ", state.slots.at(snapshot->author).introduction.name,
                         " needs, is damaged or missing", give_up_advice));
    }
  }
}

// One attempt, on the state as it is: false when another entry has come meanwhile. What it wrote is
// then of an epoch that never began.
bool try_end(Repository& repository,
             const ReadKeys& keys,
             const EndEpochOptions& options,
             EndEpochResult& result) {
  const State& state = repository.state();
  check_revoked(state, repository.keyring.slot(), options.revoked);
  const NewEpoch epoch = draw_epoch(repository);
  EpochEnded act;
  {
    KeyCarrier carrier(repository, keys, epoch, find_abandoned(repository, options.revoked));
    if (!options.drops_unreadable) {
      require_whole(repository, carrier.find_damaged(), options.revoked);
    }
    carrier.carry_all();
    carrier.require_complete();
    // What was whole a moment ago may not be any more.
    if (!options.drops_unreadable) require_whole(repository, carrier.unread, options.revoked);
    act.carried = std::move(carrier.carried);
    act.dropped = std::move(carrier.dropped);
  }
  act.former = {
      .epoch = state.epoch,
      .begun = state.epoch_begun,
      .journal_key = seal_journal_key(repository.keyring.journal_key(), epoch.journal_key)};
  act.epoch_key = box_public_key(epoch.secret);
  act.revoked = options.revoked;
  std::ranges::sort(act.revoked);
  act.boxes = write_boxes(repository, epoch, options.revoked);
  require_own_box(repository, epoch);
  repository.writer().barrier();
  result.dropped.clear();
  for (const ObjectHash& name : act.dropped) {
    result.dropped.push_back(key_segment_name(name));
  }
  JournalEntry entry = next_entry(repository, std::move(act));
  entry.epoch_number = epoch.origin.epoch_number;
  entry.epoch = epoch.origin.epoch;
  result.sequence = entry.sequence;
  result.epoch_number = entry.epoch_number;
  return commit_at_head(repository, entry, epoch.journal_key);
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
      const ObjectHash name = readers.index.pack(pack).name;
      if (opens([&] { read(readers, name); })) packs_.push_back(name);
    }
    std::vector<SnapshotPtr> live = repository.state().live_snapshots();
    if (live.size() > sample_max) live.erase(live.begin(), live.end() - sample_max);
    for (const SnapshotPtr& snapshot : live) {
      const SnapshotId& id = snapshot->taken.snapshot;
      if (opens([&] { read(readers, id); })) snapshots_.push_back(id);
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
          index(repository.local->index()),
          frames(std::make_unique<FrameReader>(repository, keys)) {}

    ReadKeys keys;
    BlockIndex::Reader index;
    std::unique_ptr<FrameReader> frames;
  };

  template <typename Work>
  static bool opens(const Work& work) {
    try {
      work();
      return true;
    } catch (const Error& error) {
      if (error.code() == Code::interrupted) throw;
      return false;
    }
  }

  static void read(const Readers& readers, const ObjectHash& name) {
    const auto pack = readers.index.find_pack(name);
    if (!pack) throw Error(Code::missing, concat(pack_name(name), " is in no index segment"));
    Decompressor decompressor;
    static_cast<void>(
        readers.frames->read(FrameReader::plan(readers.index, {*pack, 0}), decompressor));
  }

  void read(const Readers& readers, const SnapshotId& id) const {
    const SnapshotState snapshot = repository_.state().snapshots.at(id);
    static_cast<void>(get_body(repository_, readers.keys, snapshot));
    static_cast<void>(get_reference_set(repository_, snapshot));
  }

  static constexpr std::uint32_t sample_max = 16;

  Repository& repository_;
  std::vector<ObjectHash> packs_;
  std::vector<SnapshotId> snapshots_;
};

// False when the journal has gone on meanwhile. What is missing then may be what another epoch's
// end has removed.
bool try_again(Repository& repository, const EndEpochOptions& options, EndEpochResult& result) {
  replay(repository);
  sync_index(repository);
  const ObjectHash head = repository.state().head;
  try {
    if (!options.drops_unreadable) require_no_gap(repository, options.revoked);
    const ReadKeys keys = repository.read_keys();
    return try_end(repository, keys, options, result);
  } catch (const Error& error) {
    if (!is_damage(error)) throw;
    replay(repository);
    if (repository.state().head == head) throw;
    return false;
  }
}

void finish(Repository& repository, const Sample& sample, EndEpochResult& result) {
  replay(repository);
  sync_index(repository);
  in_context("what only the former epoch opens was kept", [&] { sample.require_opens(); });
  in_context("kist verify --repair completes the removal of what only former epochs open",
             [&] { result.removed = remove_ended_objects(repository); });
  tell_state_remade(repository);
}

}  // namespace

EndEpochResult end_epoch(Repository& repository, const EndEpochOptions& options) {
  repository.require(can_maintain);
  if (!options.revoked.empty() || options.drops_unreadable) repository.require(can_own);
  require_writable(repository);
  replay(repository);
  sync_index(repository);
  const Sample sample(repository);
  EndEpochResult result;
  for (int attempt = 0; !try_again(repository, options, result); ++attempt) {
    if (attempt < tries_max) continue;
    throw Error(Code::conflict,
                concat("others committed first ", tries_max,
                       " times in a row; run again when the repository is less busy"));
  }
  in_context(concat("epoch ", result.epoch_number, " has begun"),
             [&] { finish(repository, sample, result); });
  return result;
}

}  // namespace kist
