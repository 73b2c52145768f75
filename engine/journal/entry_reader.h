// Which bytes are the journal's next entry: its two copies, `journal/<n>` and `journal/<n>.2`, what
// is said of them elsewhere, and what to do when both are damaged. docs/format.md, "Validity".
//
// How entry n is chosen, after the entries up to n-1 were replayed:
// 1. `<n>` is read. If it is authentic and valid after the state, it is entry n, and no more is
//    read. This is so almost always.
// 2. Otherwise both copies are read. If neither exists, the journal ends with n-1. A copy that
//    exists but cannot be read is left out: it may be good, so nothing is concluded from it.
// 3. Two witnesses can name the entry by its hash. The first is entry n+1, whose `previous` is the
//    hash of entry n; it counts only if a known slot has signed it, and that slot has signed none
//    of the copies of n: nobody may disown an entry of its own. The second is the head that this
//    machine remembers, if that is entry n. If the bytes that n+1 names are not among the copies,
//    entry n is damaged: what is before it is used, and nobody commits. If it is this machine's
//    memory that names them, the journal is another one: the replay fails.
// 4. Without a witness the first copy decides: the first that fits the chain, or else says that it
//    is number n, or else bears its author's signature. It may turn out void; it has won the number
//    all the same.
// 5. Without a signed copy either, an owner may have accepted the bytes: a later entry "incidents
//    closed" lists the hashes of the entries right before it. Otherwise the journal is undecodable
//    from n on: junk that has won the number cannot be told from damage, so nobody commits over it.
// 6. If the chosen copy is `<n>.2` and `<n>` is absent, `<n>` is put before the copy is accepted,
//    but for two cases in which no other bytes can be accepted here: the head that this machine
//    remembers, and entry 0, whose hash every slot knows. See restore_first_copy().
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/catalog/local_directory.h"
#include "engine/format/journal_entry.h"
#include "engine/journal/epoch_keys.h"
#include "engine/rules/state.h"
#include "engine/store/store.h"
#include "engine/store/twins.h"

namespace kist {

// One copy of an entry as read from the store. Not authentic: `entry` is empty, `reason` says why.
struct EntryCopy {
  bool is_read = false;  // false: it exists, and the store could not give it
  Bytes bytes;
  ObjectHash hash;
  SlotId author;  // as it says
  std::optional<JournalEntry> entry;
  std::string reason;         // why it is void, the same for everybody who reads these bytes
  std::string damage;         // the details, for this machine's person
  bool is_signed = false;     // its author's signature is good, so these are the bytes it wrote
  bool is_of_number = false;  // and they say that this is their number
  bool fits = false;          // and that this is their place in the chain
};

struct NextEntry {
  std::optional<EntryCopy> copy;
  bool is_undecodable = false;  // something exists, and it cannot be told what it is
  std::string damage{};         // how the entry is damaged; empty: it is not, as far as can be told
};

// Reads entries for one replay.
class EntryReader {
 public:
  EntryReader(StoreReader& reader,
              StoreWriter& writer,
              const Keyring& keyring,
              EpochKeys& keys,
              Observer& observer,
              const std::optional<Head>& seen)
      : reader_(reader),
        writer_(writer),
        keyring_(keyring),
        keys_(keys),
        observer_(observer),
        seen_(seen) {}

  // Entry `state.next_sequence`; nothing when there is none, or when it cannot be had.
  // Error{corrupt} when this machine remembers another entry than the store shows.
  NextEntry read_next(const State& state);

  // Paths of entries of which the first copy was missing and has been put again.
  [[nodiscard]] const std::vector<std::string>& restored() const { return restored_; }

 private:
  [[nodiscard]] std::optional<EntryCopy> read_copy_of(const State& state, const std::string& path);
  void inspect(const State& state, const std::string& path, EntryCopy& copy);
  std::vector<EntryCopy> read_both(const State& state);
  EntryCopy* choose(const State& state, std::vector<EntryCopy>& copies, std::string& damage);
  [[nodiscard]] std::optional<ObjectHash> named_by_next(const State& state,
                                                        const std::vector<EntryCopy>& copies) const;
  [[nodiscard]] std::optional<IncidentsClosed> open_closing(const State& state,
                                                            const Copy& copy,
                                                            std::uint64_t sequence) const;
  void find_accepted(const State& state);
  std::optional<EntryCopy> restore_first_copy(const State& state, EntryCopy second);

  StoreReader& reader_;
  StoreWriter& writer_;
  const Keyring& keyring_;
  EpochKeys& keys_;
  Observer& observer_;
  const std::optional<Head>& seen_;  // the head that this machine remembers
  // By sequence, the hashes that an owner has accepted: one closing names many, and is read once.
  std::map<std::uint64_t, ObjectHash> accepted_;
  std::vector<std::string> restored_;
};

}  // namespace kist
