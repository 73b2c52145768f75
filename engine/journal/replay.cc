#include <utility>

#include "engine/base/attempt.h"
#include "engine/crypto/hash.h"
#include "engine/crypto/merkle.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/journal/anchor.h"
#include "engine/journal/entry_reader.h"
#include "engine/journal/epoch_keys.h"
#include "engine/journal/journal.h"
#include "engine/rules/features.h"
#include "engine/rules/validate.h"
#include "engine/store/twins.h"

namespace kist {

namespace {

// The store must still show the head that the catalog ends with.
void check_head(StoreReader& store, const State& state) {
  if (state.next_sequence == 0) return;
  const std::uint64_t sequence = state.next_sequence - 1;
  const std::string path = journal_path(sequence);
  bool exists = false;
  std::optional<Error> unread;  // what the store does not say is not damage
  const bool is_same = find_copy(store, path, journal_entry_bytes_max, [&](const Copy& copy) {
    exists |= !copy.is_absent();
    if (copy.problem && !is_damage(*copy.problem)) unread = copy.problem;
    return copy.bytes && hash_object(*copy.bytes) == state.head;
  });
  if (is_same) return;
  if (unread) throw Error(*unread);
  if (!exists) {
    throw Error(Code::corrupt,
                concat("the journal lacks entry ", sequence,
                       ", which this machine has seen: the repository was rolled back; do not use "
                       "it before you know why"));
  }
  throw Error(Code::corrupt,
              concat(path,
                     " is not the entry that this machine has seen: the journal was forked or "
                     "replaced; do not use this repository before you know why"));
}

// The record of the last head seen outlives the catalog: what is replayed anew must agree with it.
void check_seen(const std::optional<Head>& seen, std::uint64_t sequence, const ObjectHash& hash) {
  if (seen && seen->sequence == sequence && seen->hash != hash) {
    throw Error(Code::corrupt,
                concat("journal entry ", sequence,
                       " is not the one that this machine has seen: the journal was replaced; do "
                       "not use this repository before you know why"));
  }
}

// A journal that ends before what this machine has seen was rolled back. Where it is damaged, or
// has a hole, it does not end: what follows is only out of reach.
void check_not_rolled_back(const std::optional<Head>& seen,
                           std::uint64_t next,
                           const std::optional<JournalBreak>& broken) {
  const bool goes_on = broken && broken->kind != JournalBreak::Kind::unsigned_tail;
  if (!seen || seen->sequence < next || goes_on) return;
  throw Error(Code::corrupt,
              concat("the journal ends with entry ", next - 1, ", but this machine has seen entry ",
                     seen->sequence,
                     ": the repository was rolled back; do not use it before you know why"));
}

// The entry as the catalog keeps it: valid, or void with the reason that every client gives.
ReplayedEntry evaluate(StoreReader& store, const State& state, EntryCopy copy) {
  ReplayedEntry out;
  out.hash = copy.hash;
  out.leaf = hash_leaf(copy.bytes);
  if (!copy.entry) {
    out.void_reason = copy.reason;
    return out;
  }
  out.entry = std::move(*copy.entry);
  out.void_reason = validate(state, out.entry).value_or(Violation{}).reason;
  // An entry that chains over other bytes is void, unless it is our head that the store has lost or
  // replaced: then it is the journal that is another.
  if (state.next_sequence > 0 && out.entry.previous != state.head) check_head(store, state);
  // A client that comes later may not be able to open an entry of another epoch, and must give the
  // same reason.
  const bool is_foreign = state.next_sequence > 0 && out.entry.epoch != state.epoch;
  if (is_foreign && !out.void_reason.empty()) {
    out.void_reason = epoch_reason;
    out.entry.author = {};
  }
  return out;
}

void require_valid_genesis(const ReplayedEntry& first, const ObjectHash& fingerprint) {
  if (!first.void_reason.empty()) {
    throw Error(Code::corrupt, concat("the journal's first entry is void: ", first.void_reason));
  }
  if (first.hash != fingerprint) {
    throw Error(Code::corrupt,
                "the journal begins with another repository than the one this slot opens");
  }
}

// What was replayed before must be of this repository, and still be what the store shows.
void check_catalog(StoreReader& store,
                   const State& state,
                   const ObjectHash& fingerprint,
                   const std::optional<Head>& seen) {
  if (state.next_sequence == 0) return;
  if (state.fingerprint != fingerprint) {
    throw Error(Code::corrupt, "the catalog is of another repository; remove the state directory");
  }
  check_seen(seen, state.next_sequence - 1, state.head);
  check_head(store, state);
}

// Remembers the head as seen, unless the journal goes on behind it out of reach: as long as nothing
// is remembered, each replay looks for that everywhere. A head that was put and is not durable yet
// may be gone after a power cut, and the memory of it would then look like the proof of a rollback:
// so it is made durable first. Where that fails, on a store that is only read, say, reading goes on
// without the memory.
void remember_head(StoreWriter& store,
                   LocalDirectory& local,
                   const Head& head,
                   const std::optional<Head>& seen,
                   Observer& observer) {
  if (seen && seen->sequence >= head.sequence) return;
  const auto failure = failure_of([&] { store.confirm(journal_path(head.sequence)); });
  if (!failure) return local.remember_head(head);
  if (failure->code() != Code::failed) throw Error(*failure);
  observer.notice(concat("the last entry seen is not remembered: ", failure->text()));
}

}  // namespace

// Adds entry after entry to the catalog until there are no more; what stands in the place of the
// one that follows.
NextEntry Journal::replay_entries(EntryReader& entries, const std::optional<Head>& seen) {
  for (;;) {
    require_known_features(state());
    const std::uint64_t sequence = state().next_sequence;
    NextEntry next = entries.read_next(state());
    if (!next.copy) return next;
    check_seen(seen, sequence, next.copy->hash);
    ReplayedEntry replayed = evaluate(store_, state(), std::move(*next.copy));
    if (sequence == 0) require_valid_genesis(replayed, keyring_.fingerprint());
    if (!replayed.void_reason.empty()) {
      // Of a void entry nothing counts but its place, so nothing else of it is kept.
      replayed.entry = {.sequence = sequence, .author = replayed.entry.author, .act = UnknownAct{}};
      observer().notice(concat("journal entry ", sequence,
                               " is void and changes nothing: ", replayed.void_reason));
    }
    local_.catalog().add(replayed);
  }
}

// Replays to the end and enters the epoch there. `lost_keys` says why that one cannot be entered:
// it may have ended behind a break, and its keys are gone then. Who ends an epoch removes its boxes
// after the entry, so a box is lost only if the journal has not gone on once it was missed.
NextEntry Journal::follow(EntryReader& entries,
                          EpochKeys& keys,
                          const std::optional<Head>& seen,
                          std::optional<Error>& lost_keys) {
  for (std::optional<std::uint64_t> lost_at;; lost_at = state().next_sequence) {
    NextEntry end = replay_entries(entries, seen);
    if (state().next_sequence == 0) {
      throw Error(Code::corrupt,
                  "the journal's first entry is missing or damaged: nothing opens without it; "
                  "restore it from a copy of the repository");
    }
    local_.catalog().flush();
    const EpochId before = keyring_.origin().epoch;
    lost_keys = damage_of([&] { keys.enter_current(state()); });
    if (keyring_.origin().epoch != before) keep_box();
    if (!lost_keys || lost_at == state().next_sequence) return end;
  }
}

// It is a spare: without it all works that worked before.
void Journal::keep_box() const {
  const auto failure = failure_of([&] { local_.keep_box(keyring_.slot(), keyring_.kept_box()); });
  if (failure) observer().notice(concat("the epoch box was not kept: ", failure->text()));
}

std::optional<JournalBreak> Journal::find_break(const NextEntry& end, Beyond beyond) {
  const std::uint64_t sequence = state().next_sequence;
  if (!end.damage.empty()) {
    return JournalBreak{.kind = JournalBreak::Kind::damage,
                        .sequence = sequence,
                        .problem = end.damage,
                        .advice = "restore it from a copy of the repository"};
  }
  if (end.is_undecodable) {
    return JournalBreak{
        .kind = JournalBreak::Kind::unsigned_tail,
        .sequence = sequence,
        .problem = concat("journal entry ", sequence, " cannot be read: junk or damage"),
        .advice =
            "restore that entry from a copy of the repository, or, if it is "
            "junk, see kist incident close --accept-void"};
  }
  return find_hole(store_, keyring_.repository(), state(), beyond, observer());
}

// Once for each break, however often it is met.
void Journal::tell_break(const std::optional<JournalBreak>& before) const {
  if (!broken_ || (before && before->problem == broken_->problem)) return;
  const bool goes_on = broken_->kind != JournalBreak::Kind::unsigned_tail;
  observer().notice(concat(broken_->problem, goes_on ? "; what follows is not shown, and" : ";",
                           " nothing can be committed until that is resolved: ", broken_->advice));
}

Journal::Replayed Journal::replay() {
  local_.catalog().refresh();
  const std::optional<Head> seen = local_.last_head();
  check_catalog(store_, state(), keyring_.fingerprint(), seen);
  const bool is_cold = state().next_sequence == 0;
  EpochKeys keys(store_, keyring_, observer());
  EntryReader entries(store_, store_, keyring_, keys, observer(), seen);
  std::optional<Error> lost_keys;
  const NextEntry end = follow(entries, keys, seen, lost_keys);
  restored_.insert(restored_.end(), entries.restored().begin(), entries.restored().end());
  const bool knows_end = !is_cold && seen && seen->sequence < state().next_sequence;
  const std::optional<JournalBreak> before = std::exchange(
      broken_, find_break(end, knows_end ? Beyond::powers_of_two : Beyond::everywhere));
  check_not_rolled_back(seen, state().next_sequence, broken_);
  if (lost_keys) {
    if (!broken_) throw Error(*lost_keys);
    // To move entries away, as for other holes, would leave nothing that opens.
    const bool is_tail = broken_->kind == JournalBreak::Kind::unsigned_tail;
    throw Error(
        lost_keys->code(),
        concat(broken_->problem, ", and what is before it does not open (", lost_keys->text(),
               "): ", is_tail ? broken_->advice : "restore it from a copy of the repository"));
  }
  if (state().slots.contains(keyring_.slot())) {
    local_.forget_before(state().kept_from_epoch, services_.random);
  }
  tell_break(before);
  tell_lost_box();
  if (!broken_ || broken_->kind == JournalBreak::Kind::unsigned_tail) {
    remember_head(store_, local_, head(), seen, observer());
  }
  return {.broken = broken_};
}

// Of the epoch that the journal has come to: the boxes of those before it were removed.
void Journal::tell_lost_box() const {
  const std::optional<std::string> path = keyring_.take_lost_box();
  if (!path || has_gone_on()) return;
  observer().notice(concat(*path,
                           " is in no good copy; the one that this machine has kept was used. kist "
                           "verify --repair, by a slot that reads, makes it anew"));
}

void Journal::unlock() const {
  if (keyring_.is_unlocked()) return;
  Key share;
  const auto failure = failure_of([&] { share = read_anchor(store_, state()); });
  if (!failure) return keyring_.unlock(state().beginning, share);
  rethrow(*failure);  // whoever ends an epoch destroys its anchor
}

bool Journal::has_gone_on() const {
  return store_.size(journal_path(state().next_sequence)).has_value();
}

void Journal::rethrow(const Error& failure) const {
  if (!is_damage(failure) || !has_gone_on()) throw Error(failure);
  throw Error(Code::conflict, concat("the repository has changed meanwhile (", failure.text(),
                                     "); run the command again"));
}

void Journal::unlock_current() {
  for (;;) {
    const auto failure = failure_of([&] { unlock(); });
    if (!failure) return;
    const EpochId ended = state().epoch;
    if (failure->code() == Code::conflict) replay();
    if (state().epoch == ended) throw Error(*failure);
  }
}

const Key& Journal::index_key() const {
  unlock();
  return keyring_.index_key();
}

void Journal::replay_readable() {
  const Replayed replayed = replay();
  if (replayed.broken) throw replayed.broken->error();
}

}  // namespace kist
