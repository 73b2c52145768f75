// From one epoch to the next: the journal keys that a replay needs, and the keys that the slot
// works with once the journal has confirmed them. docs/format.md, "Epochs".
//
// How the key of an epoch is found. Each epoch has one journal key. A slot gets it from its box of
// that epoch, `epochs/<e>-<id>/<slot>`: that is the usual, short way, and is tried first. But the
// boxes of an epoch are removed when the next one begins. So a client that was away reads
// backwards: it opens its box of the newest epoch, reads the entry that
// began that epoch, finds there the journal key of the epoch before, sealed with the newer one, and
// so on until it has the key of the entry that it wants to replay. Example: the replay stands at
// entry 40 of epoch 1 while the store is at entry 90 of epoch 3. The box of epoch 3 gives key 3 and
// says that the epoch began with entry 80, or a little later; entry 80, opened with key 3, holds
// key 2 and says that epoch 2 began with entry 60; entry 60 holds key 1.
//
// Anybody who can write to the store can put a box there, since a box is unsigned. So nothing is
// believed on the way: a key counts only if it opens the wanted entry, and the keys that a box
// gives beside the journal key are used only when the replayed journal has named the box by its
// hash.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "engine/base/observer.h"
#include "engine/format/envelope.h"
#include "engine/keys/keyring.h"
#include "engine/rules/state.h"
#include "engine/store/store.h"

namespace kist {

// An epoch on the way back.
struct EpochOnTheWay {
  EpochId epoch;
  std::uint64_t least = 0;  // the entry that began it has that number or a greater one
  Key journal_key;
};

// The entry that began an epoch, as far as the way back needs it.
struct EpochBeginningRead {
  FormerEpoch former;
  bool is_by_who_may_end = false;
};

// The keys that one replay has come by. They go with it.
class EpochKeys {
 public:
  EpochKeys(StoreReader& store, Keyring& keyring, Observer& observer)
      : store_(store), keyring_(keyring), observer_(observer) {}

  // The journal key of the next entry to be replayed, of which only the envelope is known; null
  // when no entry of its epoch can follow `state`. Error{refused} when this slot has no key to the
  // entry's epoch although a later one has begun: the slot was revoked, or its box is lost.
  // Error{corrupt} or {missing} when the box is damaged or absent, and no later epoch explains it.
  const Key* find(const State& state, const Envelope& envelope);

  // The key of the state's own epoch; null while it is not known.
  [[nodiscard]] const Key* find_current(const State& state) const { return known(state.epoch); }

  // Takes the slot into the epoch that the replay has come to, if it is in another. Error{missing}
  // or {corrupt} when its box is lost, which the end of the epoch may have done meanwhile.
  void enter_current(const State& state);

 private:
  // What following the epochs back from one that the slot can open has shown.
  enum class Way {
    nowhere,    // the box or an entry on the way is not what it should be
    found,      // the keys up to that of the wanted entry are known
    elsewhere,  // another epoch has followed the current one: the wanted entry did not end it
  };

  [[nodiscard]] const Key* known(const EpochId& epoch) const;
  [[nodiscard]] std::optional<OpenedEpoch> open_box(const State& state,
                                                    const EnvelopeHeader& header,
                                                    std::optional<Error>& damage,
                                                    const AcceptEpoch& accepts) const;
  Way learn(const State& state, const Envelope& wanted);
  Way learn_from_later(const State& state, const Envelope& wanted, bool& has_others);
  const std::vector<EpochId>& epochs_of(std::uint64_t sequence);
  [[nodiscard]] std::optional<EpochBeginningRead> find_beginning(const State& state,
                                                                 const EpochOnTheWay& epoch);
  [[nodiscard]] bool is_current_key(const State& state, const EpochOnTheWay& epoch) const;
  Way walk_back(const State& state, const OpenedEpoch& from, const Envelope& wanted);
  [[nodiscard]] Error lost_box(std::uint32_t number, const EpochId& epoch) const;

  StoreReader& store_;
  Keyring& keyring_;
  Observer& observer_;
  std::map<EpochId, Key> learned_;
  std::map<std::uint64_t, std::vector<EpochId>> epochs_of_;
};

// Throws the Error{refused} of find(): entry `sequence` is sealed with a key that this slot was not
// given.
[[noreturn]] void refuse_epoch(std::uint64_t sequence);

// A journal key as the next epoch's first entry carries it, and back.
SealedJournalKey seal_journal_key(const Key& former, const Key& journal_key);
Key open_journal_key(const SealedJournalKey& sealed, const Key& journal_key);

}  // namespace kist
