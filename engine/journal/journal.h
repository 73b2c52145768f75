// The journal: the one thing in a repository that has an order. It is the commit point, the
// concurrency control and the audit log. This class follows it and adds to it:
//   replay()  reads the entries that the store has into the catalog (replay.cc, which asks
//             entry_reader for the bytes of each entry and epoch_keys for the key that opens it);
//   commit()  puts one entry, under the next number, only if that number is free (commit.cc).
//             Whoever loses the number replays the winner's entry and tries the next one.
// The store is never listed to catch up: reading starts where the catalog ends. Nothing here knows
// packs or blocks. docs/architecture.md, "Committing".
//
// Example:  const Journal::Writable writable = journal.require_writable();
//           journal.commit(writable, [&](const State& state) { return make_act(state); });
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/pinned.h"
#include "engine/base/services.h"
#include "engine/catalog/local_directory.h"
#include "engine/format/journal_entry.h"
#include "engine/journal/journal_end.h"
#include "engine/keys/keyring.h"
#include "engine/rules/clock.h"
#include "engine/rules/state.h"
#include "engine/store/store.h"

namespace kist {

class EntryReader;
class EpochKeys;
struct NextEntry;

class Journal : private Pinned {
 public:
  // All outlive the journal. `keyring` enters each epoch that a replay comes to.
  Journal(Store& store, Keyring& keyring, LocalDirectory& local, Services services)
      : store_(store), keyring_(keyring), local_(local), services_(services) {}

  ~Journal() = default;

  // The same journal, followed from the start into another directory.
  [[nodiscard]] Journal over(LocalDirectory& other) const {
    return {store_, keyring_, other, services_};
  }

  // What the entries replayed so far have come to.
  [[nodiscard]] const State& state() const { return local_.catalog().state(); }

  [[nodiscard]] Head head() const { return {state().next_sequence - 1, state().head}; }

  // The replayed entries from number `first` on, void ones too, until `each` returns false.
  void for_each_entry(std::uint64_t first,
                      const std::function<bool(const ReplayedEntry&)>& each) const {
    local_.catalog().for_each(first, each);
  }

  struct Replayed {
    // Why the journal cannot be followed past its last entry, where it cannot. What is before that
    // can be used; nobody commits.
    std::optional<JournalBreak> broken{};

    [[nodiscard]] bool is_readable() const { return !broken; }
  };

  // Whether the store holds an entry after the head: then what is gone may have ended, and is no
  // damage.
  [[nodiscard]] bool has_gone_on() const;
  // Throws `failure` as it is; or, where it is damage and the journal has gone on, Error{conflict}:
  // whoever follows the journal finds what is there now.
  [[noreturn]] void rethrow(const Error& failure) const;

  // What the last replay found to be broken after the head.
  [[nodiscard]] const std::optional<JournalBreak>& broken() const { return broken_; }

  // Paths of entries of which a replay found the second copy alone, and put the first again: all
  // since this journal was made, for the replay at the opening comes before anybody can ask.
  [[nodiscard]] const std::vector<std::string>& restored() const { return restored_; }

  // Replays entries until there are no more, or up to where the journal is broken, which the
  // observer is told. Error{corrupt} on a fork, or when the journal ends before the last head that
  // this machine has seen (a rollback); Error{refused} when this slot was revoked;
  // Error{unsupported} where an entry requires a feature that this version does not know.
  Replayed replay();
  // The same; Error{corrupt} where nothing can be committed after the last entry.
  void replay_readable();

  // The right to commit here: require_writable() alone makes one, and commit() asks for it, so that
  // no new entry goes to a store where two clients could overwrite each other's.
  class Writable {
    friend class Journal;
    Writable() = default;
  };

  // Error{corrupt} where the last replay found the journal broken, Error{unsupported} on a store
  // whose put-if-absent does not hold, Error{refused} on a machine that has not seen this journal
  // before and to which it looks like an old copy. Cheap once it has passed; called before a lot is
  // stored for an entry.
  Writable require_writable();
  // The same for an owner's word that leads over an unsigned tail.
  Writable require_writable_over_tail();

  // A person vouches for the head, or this machine has seen it before.
  void trust_head(bool is_trusted) { is_head_trusted_ = is_trusted; }

  using MakeAct = std::function<Act(const State&)>;

  // `make` is asked for the act anew for each try, with the state that the entry will follow. After
  // an epoch's end that forgets, a client's first entry says that it keeps nothing of what came
  // before; that one is committed first. Returns the entry as committed. Error{conflict} after too
  // many lost tries, Error{refused} when the entry would be void.
  JournalEntry commit(const Writable& writable, const MakeAct& make);

  // One try, right after the head that was replayed: false when another entry stands there by now.
  // All that the act relies on is durable. Nothing is replayed; the head's second copy is put, if a
  // client that was cut off has left it out.
  bool commit_at_head(const Writable& writable, const JournalEntry& entry, const Key& journal_key);
  // The same after `state`, which is past the replayed head: the entries between are unsigned.
  bool commit_after(const Writable& writable,
                    const State& state,
                    const JournalEntry& entry,
                    const Key& journal_key);
  // Commits this client's StateRemade entry unless the journal has it since the last epoch's end
  // that forgets. After too many lost tries it gives up: the client's next commit says it first.
  void record_state_remade(const Writable& writable);
  // What a copy of an entry is that is not the one which counts, if a slot has signed it: for
  // people. Nothing where nobody has: then it is damage.
  [[nodiscard]] std::optional<std::string> find_rival(std::uint64_t sequence, View copy) const;
  // The entry that would follow the head, with its time.
  [[nodiscard]] JournalEntry next_entry(Act act) const;

  // Derives what opens the index and all that is stored from the shares that the journal and the
  // epoch's anchor have, unless that is done already: whatever needs no more than the journal works
  // without the anchor. Error{missing} or {corrupt} where no copy of it is whole, Error{conflict}
  // where the epoch has ended meanwhile.
  void unlock() const;
  // The same for who has begun nothing yet: where the epoch has ended meanwhile, the journal is
  // followed into the current one.
  void unlock_current();
  // The key of key segments; unlocks.
  [[nodiscard]] const Key& index_key() const;

  [[nodiscard]] StoreReader& reader() const { return store_; }

  [[nodiscard]] StoreWriter& writer() const { return store_; }

  [[nodiscard]] const Keyring& keyring() const { return keyring_; }

  [[nodiscard]] LocalDirectory& local() const { return local_; }

  [[nodiscard]] const Services& services() const { return services_; }

  [[nodiscard]] Observer& observer() const { return services_.observer; }

 private:
  NextEntry replay_entries(EntryReader& entries, const std::optional<Head>& seen);
  NextEntry follow(EntryReader& entries,
                   EpochKeys& keys,
                   const std::optional<Head>& seen,
                   std::optional<Error>& lost_keys);
  void keep_box() const;
  [[nodiscard]] std::optional<JournalBreak> find_break(const NextEntry& end, Beyond beyond);
  void tell_lost_box() const;
  void tell_break(const std::optional<JournalBreak>& before) const;
  void require_trusted_head() const;
  [[nodiscard]] std::optional<std::string> find_put_flaw();
  void require_exclusive_put();
  [[nodiscard]] Stamp next_stamp() const;
  void tell_doubt() const;
  [[nodiscard]] bool has_recorded_remake() const;
  std::optional<JournalEntry> commit_once(const Writable& writable, const MakeAct& make);
  bool put_entry(const std::string& path, const Bytes& bytes);
  [[nodiscard]] bool has_second_copy(std::uint64_t sequence, const ObjectHash& hash);
  void complete_second_copy();
  void require_no_rival(std::uint64_t sequence, View second) const;

  Store& store_;
  Keyring& keyring_;
  LocalDirectory& local_;
  Services services_;
  bool is_head_trusted_ = false;
  std::vector<std::string> restored_;
  std::optional<JournalBreak> broken_;
  bool has_exclusive_put_ = false;  // put-if-absent was seen to hold
};

}  // namespace kist
