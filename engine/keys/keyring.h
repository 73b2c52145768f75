// The keys that one slot opens, and how: passphrase or key file → slot secret → grant and epoch
// box. docs/architecture.md, "Keys"; docs/format.md, "Slots", "Grants", "Epoch boxes".
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "engine/base/observer.h"
#include "engine/base/random.h"
#include "engine/crypto/kdf.h"
#include "engine/crypto/secret.h"
#include "engine/format/journal_entry.h"
#include "engine/format/slot.h"
#include "engine/keys/sealed_object.h"
#include "engine/store/store.h"

namespace kist {

// Of the keys that follow from a key file's: 1 wraps a slot, 2 is the seed of a recipient.
inline constexpr std::string_view key_file_context = "kistkeyf";

// What a person or a service shows to get in.
struct Credential {
  SlotKind kind = SlotKind::passphrase;
  SecretBytes secret;  // the passphrase's bytes, or the 32 bytes of a key file
};

// The text of a key file, and the credential that such a text yields (Error{invalid} otherwise).
// Space between its digits, as on paper, says nothing.
SecretBytes encode_key_file(const Key& key);
Credential parse_key_file(View text, const std::string& path);

// The public half of a slot, as the journal has it.
struct SlotPublicKeys {
  SigningPublicKey signing;
  BoxPublicKey box;
  bool operator==(const SlotPublicKeys&) const = default;
};

// All that stands or falls with one slot.
struct SlotKeys {
  explicit SlotKeys(const Key& slot_seed);
  Key seed;
  Key signing_seed;
  Key box_seed;

  [[nodiscard]] SlotPublicKeys public_keys() const;
};

// A slot that a credential has opened.
struct OpenedSlot {
  SlotId slot;
  std::uint32_t generation = 1;  // 0: a recipient that has not been accepted
  ObjectHash fingerprint;        // of the repository that it opens
  Key seed;
};

// The secrets that a keyring holds, in guarded memory.
struct Secrets {
  Key signing_seed;
  Key box_seed;
  Key slot_seed;
  Key id_key;
  Key chunk_seed;   // zero without `write`
  Key journal_key;  // of the current epoch
  Key index_key;
  Key epoch_secret;  // zero without `read`
};

// An epoch box that was opened. Nothing of it but the journal key is used before the journal has
// named its hash.
struct OpenedEpoch {
  std::uint32_t number = 0;
  EpochId epoch;
  ObjectHash hash;          // of the box
  std::uint64_t begun = 0;  // the sequence of the entry that began the epoch
  Key journal_key;
  Key index_key;
  Key epoch_secret;  // zero without `read`
};

using AcceptEpoch = std::function<bool(const OpenedEpoch&)>;

struct State;

class Keyring {
 public:
  Keyring(const RepositoryId& repository, const OpenedSlot& slot);

  [[nodiscard]] const ObjectOrigin& origin() const { return origin_; }

  [[nodiscard]] const RepositoryId& repository() const { return origin_.repository; }

  [[nodiscard]] const SlotId& slot() const { return origin_.author; }

  [[nodiscard]] std::uint32_t generation() const { return generation_; }

  [[nodiscard]] const ObjectHash& fingerprint() const { return fingerprint_; }

  // What every slot has: to sign, to follow the journal, to open the index.
  [[nodiscard]] const Key& signing_seed() const { return secrets_->signing_seed; }

  [[nodiscard]] const Key& journal_key() const { return secrets_->journal_key; }

  [[nodiscard]] const Key& index_key() const { return secrets_->index_key; }

  // The slot's own seed, to wrap it anew.
  [[nodiscard]] const Key& slot_seed() const { return secrets_->slot_seed; }

  // Whether the grant's keys are those that the journal's state names, and no more than the slot
  // may have.
  [[nodiscard]] bool is_grant_confirmed_by(const State& state) const;

  // The slot's box of that epoch; nothing where there is none. A copy that is not what `accepts`
  // asks for is as good as damaged.
  [[nodiscard]] std::optional<OpenedEpoch> open_epoch(StoreReader& store,
                                                      std::uint32_t number,
                                                      const EpochId& epoch,
                                                      Observer& observer,
                                                      const AcceptEpoch& accepts) const;
  // From here on objects are made in that epoch.
  void enter(OpenedEpoch opened);
  void open_grant(StoreReader& store, Observer& observer);
  // For init, which has just drawn them.
  void adopt(Secrets secrets, std::uint32_t epoch_number, const EpochId& epoch);

  // The journal keys of the epochs that are being replayed; null for one that is not known.
  [[nodiscard]] const Key* find_journal_key(const EpochId& epoch) const;
  void learn_journal_key(const EpochId& epoch, Key key);

  void forget_journal_keys() { journal_keys_.clear(); }

 private:
  friend class Repository;  // hands keys out as rights

  ObjectOrigin origin_;
  std::uint32_t generation_ = 1;
  ObjectHash fingerprint_;
  ObjectHash grant_hash_;
  std::map<EpochId, Key> journal_keys_;  // while a replay needs them
  Guarded<Secrets> secrets_;
};

// A slot object: the secret wrapped under a credential.
struct Wrapping {
  const Credential& credential;
  Argon2Cost cost;
  std::uint32_t generation = 1;
  ObjectHash fingerprint;
};

Bytes make_slot_object(const ObjectOrigin& origin,
                       const SlotKeys& keys,
                       const Wrapping& wrapping,
                       Random& random);

// A grant for a slot's public key, made by the owner whose signing seed is given.
struct GrantSecrets {
  const Key* id_key;      // null for a slot that neither writes nor reads
  const Key* chunk_seed;  // null for a slot that does not write
};

Bytes make_grant(const ObjectOrigin& origin,
                 const Key& signing_seed,
                 const BoxPublicKey& recipient,
                 const GrantSecrets& secrets,
                 Random& random);

// A slot's epoch box: a function of its arguments alone, so whoever holds `epoch_secret` can remake
// it.
struct EpochSecrets {
  const Key& journal_key;
  const Key& index_key;
  const Key& epoch_secret;
  std::uint64_t begun = 0;  // the sequence of the entry that began the epoch
};

Bytes make_epoch_box(const ObjectOrigin& origin,
                     const SlotId& slot,
                     const BoxPublicKey& recipient,
                     const EpochSecrets& secrets,
                     bool may_read);

// Which slots are tried, and in which order.
struct SlotChoice {
  std::optional<SlotId> preferred;  // first, then the others by id
  std::optional<SlotId> only;
  std::set<SlotId> except;
};

// Tries the slots that this kind of credential can open. Error{wrong_secret} when none opens,
// Error{corrupt} when what might have is damaged.
OpenedSlot open_slot(StoreReader& store,
                     const RepositoryId& repository,
                     const Credential& credential,
                     const SlotChoice& choice);

// Reads what is stored twice: the named object, or its twin where that is damaged or missing.
// `is_good` says whether bytes are what they should be, by throwing if not.
Bytes get_twinned(StoreReader& store,
                  const std::string& name,
                  std::uint64_t size_max,
                  Observer& observer,
                  const std::function<void(View)>& is_good);
// Stores both copies.
void put_twinned(StoreWriter& store, const std::string& name, View bytes);

}  // namespace kist
