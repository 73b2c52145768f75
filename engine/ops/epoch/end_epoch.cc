#include "engine/ops/epoch/end_epoch.h"

#include <algorithm>
#include <memory>

#include "engine/base/attempt.h"
#include "engine/blocks/block_reader.h"
#include "engine/blocks/index_loader.h"
#include "engine/blocks/objects.h"
#include "engine/blocks/snapshot_inspector.h"
#include "engine/blocks/snapshot_opener.h"
#include "engine/content/compress.h"
#include "engine/crypto/hash.h"
#include "engine/crypto/seal.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/journal/anchor.h"
#include "engine/journal/epoch_keys.h"
#include "engine/journal/journal.h"
#include "engine/journal/journal_end.h"
#include "engine/keys/epoch_secrets.h"
#include "engine/ops/epoch/key_rewriter.h"
#include "engine/ops/epoch/new_epoch.h"
#include "engine/ops/epoch/required_keys.h"
#include "engine/repository/ended_content.h"
#include "engine/repository/ended_objects.h"
#include "engine/rules/validate.h"
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
    const Bytes box = make_box(epoch, introduction);
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
  const SlotId& slot = repository.keyring().slot();
  const Bytes due = make_box(epoch, repository.state().slots.at(slot).introduction);
  if (own && own->hash == hash_object(due)) return;
  throw Error(Code::corrupt, "the new epoch's box does not open; nothing has changed");
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
    const auto abandon_if_damaged = [&](ObjectType type, const AuthoredObject& object) {
      const auto damage = damage_of([&] {
        static_cast<void>(
            get_hashed(repository.reader(), type, object.hash, repository.observer()));
      });
      if (damage) out.insert(object);
    };
    abandon_if_damaged(ObjectType::body, {snapshot.author, snapshot.taken.body});
    abandon_if_damaged(ObjectType::reference_set, {snapshot.set.author, snapshot.set.hash});
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

// By now, nothing is to end.
struct NothingEnds {};

// An attempt to begin an epoch. It goes on over entries of others that make nothing dead and leave
// the slots what they are, so that a busy repository does not keep epochs from ending.
//
// Its anchor is put first, and nothing else of the attempt before the head was read again after
// that: so the anchor of every attempt that is lost was there before the winner's entry, and the
// winner's clean-up finds it. An anchor is put once. If that fails, the attempt is over.
struct Attempt {
  NewEpoch epoch;
  std::uint64_t seen = 0;  // the entries below were looked at
  EpochSlots slots;
  std::vector<SnapshotId> given_up;
  std::set<std::uint64_t> unloaded;
  EndedContent ended;
  bool is_void = false;  // the law forbids what it was to end, by now
  std::optional<KeyRewriter> rewriter;
  std::vector<NamedBox> boxes;
};

std::unique_ptr<Attempt> begin_attempt(Repository& repository, const EndEpochOptions& options) {
  auto attempt = std::make_unique<Attempt>();
  const EpochId former = repository.state().epoch;
  check_revoked(repository.state(), repository.keyring().slot(), options.revoked);
  attempt->epoch = draw_epoch(repository);
  put_anchors(repository.writer(), attempt->epoch.origin,
              make_anchor(attempt->epoch.origin, attempt->epoch.shares.anchor));
  in_context("nothing has changed", [&] {
    require_anchors(repository.reader(), attempt->epoch.origin, attempt->epoch.beginning.anchor);
  });
  repository.journal().replay_readable();
  BlockIndex& index = repository.blocks().complete_index();  // may replay
  const State& state = repository.state();
  if (state.epoch != former) return nullptr;
  check_revoked(state, repository.keyring().slot(), options.revoked);
  attempt->seen = state.next_sequence;
  attempt->slots = plan_epoch_slots(state, options.revoked);
  attempt->given_up = find_given_up(repository, options);
  attempt->unloaded = index.unloaded_entries();
  if (options.ending != nullptr) {
    attempt->ended = options.ending->plan();
    if (attempt->ended.empty()) throw NothingEnds();
  }
  attempt->rewriter.emplace(repository, repository.read_keys(), attempt->epoch,
                            find_abandoned(repository, index, options.revoked, attempt->given_up),
                            attempt->unloaded);
  attempt->rewriter->leave_behind(attempt->ended);
  if (!options.drops_unreadable) {
    require_whole(repository, attempt->rewriter->find_damaged(), options.revoked);
  }
  return attempt;
}

// Of sets that are replaced the keys are others than an attempt may have carried on.
bool proves_alone(const Act& act) {
  const auto* proved = std::get_if<SetsProved>(&act);
  return proved != nullptr && proved->replaced.empty();
}

// Whether an entry leaves alone what an attempt has planned.
bool is_harmless(const ReplayedEntry& replayed) {
  if (!replayed.void_reason.empty()) return true;
  const Act& act = replayed.entry.act;
  return std::holds_alternative<SnapshotTaken>(act) || std::holds_alternative<EntriesProved>(act) ||
         std::holds_alternative<SlotRewrapped>(act) || std::holds_alternative<StateRemade>(act) ||
         std::holds_alternative<IncidentsClosed>(act) ||
         std::holds_alternative<PacksCondemned>(act) || std::holds_alternative<PacksCleared>(act) ||
         std::holds_alternative<IncidentOpened>(act) || proves_alone(act);
}

// Of what ends with the epoch no snapshot may need anything that was taken meanwhile, and no pack
// may be known to be damaged meanwhile, of which it may have the last copies.
bool admits(EndingPlanner& ending, const ReplayedEntry& replayed) {
  if (!replayed.void_reason.empty()) return true;
  const Act& act = replayed.entry.act;
  if (std::holds_alternative<PacksCondemned>(act)) return false;
  return !std::holds_alternative<SnapshotTaken>(act) || ending.admits(replayed);
}

bool goes_on(Repository& repository, const EndEpochOptions& options, Attempt& attempt) {
  const State& state = repository.state();
  bool are_harmless = true;
  std::vector<ReplayedEntry> newcomers;
  repository.journal().for_each_entry(attempt.seen, [&](const ReplayedEntry& replayed) {
    are_harmless = is_harmless(replayed);
    if (options.ending != nullptr) newcomers.push_back(replayed);
    return are_harmless;
  });
  for (const ReplayedEntry& newcomer : newcomers) {
    are_harmless = are_harmless && admits(*options.ending, newcomer);
  }
  attempt.seen = state.next_sequence;
  return are_harmless &&
         state.next_sequence - attempt.epoch.beginning.least < beginning_distance_max;
}

// The act that ends the epoch, once all that it names is stored and was read back.
EpochEnded make_act(Repository& repository, const EndEpochOptions& options, Attempt& attempt) {
  const State& state = repository.state();
  const NewEpoch& epoch = attempt.epoch;
  KeyRewriter& rewriter = *attempt.rewriter;
  if (attempt.boxes.empty()) {
    attempt.boxes = write_boxes(repository, epoch, attempt.slots);
    require_own_box(repository, epoch);
  }
  repository.writer().barrier();
  EpochEnded act;
  act.former = {
      .epoch = state.epoch,
      .begun = state.epoch_begun,
      .journal_key = seal_journal_key(repository.keyring().journal_key(), epoch.parts.journal_key)};
  act.beginning = epoch.beginning;
  act.revoked = attempt.slots.shut_out;
  act.boxes = attempt.boxes;
  act.keys = rewriter.ranges;
  act.dropped_count = rewriter.dropped.size();
  // Clients must not go on relying on what was opened by keys that are given up.
  act.forgets = options.forgets || act.dropped_count > 0;
  act.ended = attempt.ended;
  return act;
}

// Carries on what has come since, and puts the entry: false when another one was faster, or when
// the attempt is over.
bool try_end(Repository& repository,
             const Journal::Writable& writable,
             const EndEpochOptions& options,
             Attempt& attempt,
             EndEpochResult& result) {
  BlockIndex& index = repository.blocks().complete_index();
  const std::uint64_t end = repository.state().next_sequence;
  // What the index has replayed was not looked at yet.
  if (end != attempt.seen || index.unloaded_entries() != attempt.unloaded) return false;
  attempt.rewriter->carry_to(end, index);
  attempt.rewriter->require_complete(index);
  // What was whole a moment ago may not be any more.
  if (!options.drops_unreadable) {
    require_whole(repository, attempt.rewriter->dropped, options.revoked);
  }
  JournalEntry entry = repository.journal().next_entry(make_act(repository, options, attempt));
  if (entry.sequence != end) return false;
  entry.epoch_number = attempt.epoch.origin.epoch_number;
  entry.epoch = attempt.epoch.origin.epoch;
  attempt.is_void = options.ending != nullptr && validate(repository.state(), entry);
  if (attempt.is_void) return false;
  result.sequence = entry.sequence;
  result.epoch_number = entry.epoch_number;
  result.given_up = attempt.given_up;
  result.ended = attempt.ended;
  result.dropped = paths_of(attempt.rewriter->dropped);
  return repository.journal().commit_at_head(writable, entry, attempt.epoch.parts.journal_key);
}

// Some of what can be read before, and must be by the new epoch's secrets alone before anything is
// removed. A malicious writer's snapshots may hold anything, so what opens is found by trying.
class Sample {
 public:
  explicit Sample(Repository& repository) : repository_(repository) {
    const Readers readers(repository);
    const std::vector<std::uint32_t> packs = readers.index.packs();
    const std::size_t step = std::max<std::size_t>(1, packs.size() / sample_max);
    for (std::size_t i = 0; i < packs.size(); i += step) {
      const ObjectHash name = readers.index.pack(packs[i]).hash;
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
      if (repository_.state().snapshots.at(snapshot).is_live) read(readers, snapshot);
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
    if (!pack && readers.index.is_gone(name)) return;  // by a repair meanwhile
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

// One try, with the attempt that is under way or a new one. False when the journal has gone on
// meanwhile: what is missing then may be what another epoch's end has removed.
bool try_again(Repository& repository,
               const Journal::Writable& writable,
               const EndEpochOptions& options,
               std::unique_ptr<Attempt>& attempt,
               EndEpochResult& result) {
  repository.journal().replay_readable();
  const ObjectHash head = repository.state().head;
  bool is_ended = false;
  const auto damage = damage_of([&] {
    if (attempt && (attempt->is_void || !goes_on(repository, options, *attempt))) attempt.reset();
    if (!attempt) attempt = begin_attempt(repository, options);
    is_ended = attempt && try_end(repository, writable, options, *attempt, result);
  });
  if (!damage) return is_ended;
  repository.journal().replay_readable();
  if (repository.state().head == head) throw Error(*damage);
  attempt.reset();
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
  if (!result.ended.empty()) {
    in_context("another kist collect completes the removal of what has ended", [&] {
      result.removed_content =
          remove_ended_content(repository, paths_of_ended(repository.state(), result.ended));
    });
  }
  repository.journal().record_state_remade(writable);
}

}  // namespace

std::vector<SnapshotId> find_given_up(const Repository& repository,
                                      const EndEpochOptions& options) {
  const State& state = repository.state();
  const ReadKeys keys = repository.read_keys();
  SnapshotOpener opener(repository.journal());
  std::vector<SnapshotId> out;
  for (const SnapshotPtr& snapshot : state.live_snapshots()) {
    const bool is_asked_for =
        std::ranges::count(options.revoked, snapshot->author) > 0 ||
        (options.drops_unreadable && state.slots.at(snapshot->author).is_revoked);
    if (!is_asked_for) continue;
    check_cancelled(repository.observer());
    const Openness found = inspect_snapshot(opener, &keys, *snapshot).openness;
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
  BlockIndex& index = repository.blocks().complete_index();  // first: it may replay
  const State& state = repository.state();
  check_revoked(state, repository.keyring().slot(), options.revoked);
  const NewEpoch epoch = draw_epoch(repository);
  const std::vector<SnapshotId> given_up = find_given_up(repository, options);
  const KeyRewriter rewriter(repository, repository.read_keys(), epoch,
                             find_abandoned(repository, index, options.revoked, given_up),
                             index.unloaded_entries());
  if (!options.drops_unreadable) {
    require_whole(repository, rewriter.find_damaged(), options.revoked);
  }
  const KeyRewriter::Forecast forecast = rewriter.foresee();
  return {.sequence = state.next_sequence,
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
  std::unique_ptr<Attempt> attempt;
  try {
    for (int tries = 1; !try_again(repository, writable, options, attempt, result); ++tries) {
      if (tries < tries_max) continue;
      throw Error(Code::conflict,
                  concat("others committed first ", tries_max,
                         " times in a row; run again when the repository is less busy"));
    }
  } catch (const NothingEnds&) {
    return {};
  }
  in_context(concat("epoch ", result.epoch_number, " has begun"),
             [&] { finish(repository, writable, sample, result); });
  return result;
}

}  // namespace kist
