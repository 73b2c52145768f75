#include "engine/repository/set_prover.h"

#include <algorithm>
#include <iterator>

#include "engine/base/attempt.h"
#include "engine/blocks/index_loader.h"
#include "engine/format/names.h"
#include "engine/journal/journal.h"
#include "engine/rules/validate.h"

namespace kist {

namespace {

ObjectAuthor author_of(const Repository& repository) {
  return {.origin = repository.keyring().origin(),
          .signing_seed = repository.keyring().signing_seed(),
          .random = repository.services().random};
}

// A collection may have ended the snapshot meanwhile.
bool is_current(const State& state, const JudgedSet& judged) {
  const SnapshotState snapshot = state.snapshots.at(judged.snapshot);
  return snapshot.is_live && snapshot.set.hash == judged.set;
}

// Calls `each` with parts of what one entry may name, ascending by snapshot.
template <typename Sets, typename Snapshot, typename Each>
void for_each_part(Sets sets, const Snapshot& snapshot_of, const Each& each) {
  std::ranges::sort(sets, {}, snapshot_of);
  for (auto at = sets.begin(); at != sets.end();) {
    const auto count = std::min<std::ptrdiff_t>(entry_sets_max, std::distance(at, sets.end()));
    each(Sets(at, at + count));
    at += count;
  }
}

}  // namespace

void SetProver::note_equal(const SnapshotState& snapshot) {
  const State& state = repository_.state();
  const SetProof own = state.proof_by(repository_.keyring().slot());
  if (snapshot.taken.is_pending || state.proof_by(snapshot.set.proved_by) >= own) return;
  equal_.push_back({snapshot.taken.snapshot, snapshot.set.hash});
}

void SetProver::replace(const SnapshotState& snapshot, const ReferenceSet& proper) {
  if (replaced_.empty()) epoch_ = repository_.state().epoch;
  const StoredObject stored =
      put_reference_set(repository_.writer(), author_of(repository_), proper);
  const JudgedSet judged{snapshot.taken.snapshot, snapshot.set.hash};
  replaced_.push_back({.set = {judged, stored.key.hash}, .key = stored.key});
}

void SetProver::commit() {
  for_each_part(equal_, &JudgedSet::snapshot, [&](const std::vector<JudgedSet>& part) {
    commit_part([&](const State& state) {
      SetsProved act;
      std::ranges::copy_if(part, std::back_inserter(act.equal),
                           [&](const JudgedSet& judged) { return is_current(state, judged); });
      return act;
    });
  });
  const auto snapshot_of = [](const StoredSet& each) { return each.set.judged.snapshot; };
  for_each_part(replaced_, snapshot_of, [&](const std::vector<StoredSet>& part) {
    const ObjectHash keys = put_keys(part);
    commit_part([&](const State& state) {
      if (state.epoch != epoch_) {
        throw Error(Code::conflict, "a new epoch has begun meanwhile; run the command again");
      }
      SetsProved act{.equal = {}, .replaced = {}, .key_segments = {keys}};
      for (const StoredSet& each : part) {
        if (is_current(state, each.set.judged)) act.replaced.push_back(each.set);
      }
      return act;
    });
  });
}

// Another slot may have replaced all of these sets meanwhile: then there is nothing to say.
void SetProver::commit_part(const std::function<SetsProved(const State&)>& make) {
  bool is_overtaken = false;
  const Journal::Writable writable = repository_.journal().require_writable();
  const auto failure = failure_of([&] {
    const JournalEntry entry = repository_.journal().commit(writable, [&](const State& state) {
      SetsProved act = make(state);
      is_overtaken = act.equal.empty() && act.replaced.empty();
      if (is_overtaken) throw Error(Code::conflict, "another slot has replaced these sets");
      return Act(std::move(act));
    });
    const auto& act = std::get<SetsProved>(entry.act);
    proved_ += act.equal.size() + act.replaced.size();
  });
  if (failure && !is_overtaken) throw Error(*failure);
}

// The key segment with the keys of these sets. It and they are durable, and were read back.
ObjectHash SetProver::put_keys(const std::vector<StoredSet>& sets) const {
  KeyGroup group;
  std::vector<KeyBytes> keys;
  for (const StoredSet& each : sets) {
    group.reference_sets.push_back(each.key.hash);
    keys.push_back(each.key.key);
  }
  const EpochBeginning& beginning = repository_.state().beginning;
  const SealedObject sealed = seal_key_segment(
      author_of(repository_),
      {.index_key = repository_.journal().index_key(),
       .audit_key = beginning.audit_key,
       .epoch_key = beginning.epoch_key},
      {.outer = {.groups = {group}}, .sets = {.groups = {keys}}, .inner = {.groups = {{}}}});
  put_sealed(repository_.writer(), ObjectType::key_segment, sealed);
  repository_.writer().barrier();
  static_cast<void>(get_whole_key_segment(repository_.journal(), sealed.hash));
  for (const StoredSet& each : sets) {
    const Bytes bytes = get_hashed(repository_.reader(), ObjectType::reference_set, each.key.hash,
                                   repository_.observer());
    static_cast<void>(open_reference_set({bytes, each.key.hash}, repository_.keyring().repository(),
                                         Key::from(each.key.key)));
  }
  return sealed.hash;
}

}  // namespace kist
