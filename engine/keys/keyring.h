// The keys that one slot opens, and how: passphrase or key file → slot secret → grant and epoch
// box. docs/architecture.md, "Rights"; docs/format.md, "Slots", "Grants", "Epoch boxes".
//
// The folder keys/ holds what a credential opens, and nothing else: key files, slot objects,
// grants, epoch boxes, envelopes, and the rights that a slot has as types. It reads objects from
// the store; it never decides what the journal says. Folders from journal/ up include it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "engine/base/observer.h"
#include "engine/crypto/secret.h"
#include "engine/keys/epoch_secrets.h"
#include "engine/keys/slot_object.h"
#include "engine/store/store.h"

namespace kist {

// The secrets that a keyring holds, in guarded memory.
struct Secrets {
  Key signing_seed;
  Key box_seed;
  Key slot_seed;
  Key id_key;
  Key chunk_seed;      // zero without `write`
  EpochParts parts;    // of the current epoch
  EpochSecrets epoch;  // zero until they are derived
};

// An epoch box that was opened. Nothing of it but the journal key is used before the journal has
// named its hash.
struct OpenedEpoch {
  std::uint32_t number = 0;
  EpochId epoch;
  ObjectHash hash;          // of the box
  std::uint64_t least = 0;  // the entry that began the epoch has that number or a greater one
  EpochParts parts;
  Bytes box;             // as it is stored: sealed
  bool is_kept = false;  // the store has no good copy of the box: this machine's own served
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

  // What every slot has: to sign, and to follow the journal.
  [[nodiscard]] const Key& signing_seed() const { return secrets_->signing_seed; }

  [[nodiscard]] const Key& journal_key() const { return secrets_->parts.journal_key; }

  // To open the index, which every slot may; and what else the parts yield. Only after unlock().
  [[nodiscard]] const Key& index_key() const {
    KIST_ENSURE(is_unlocked());
    return secrets_->epoch.index_key;
  }

  // To open reference sets: nothing for a slot with neither `read` nor `audit`. Only after
  // unlock().
  [[nodiscard]] const Key* audit_secret() const {
    KIST_ENSURE(is_unlocked());
    return secrets_->epoch.audit_secret.is_zero() ? nullptr : &secrets_->epoch.audit_secret;
  }

  // What was sealed to this slot's own public key; nothing where it was not.
  [[nodiscard]] std::optional<SecretBytes> open_own_box(View box) const;

  [[nodiscard]] const EpochParts& parts() const { return secrets_->parts; }

  // Whether the secrets of the epoch that the slot is in were derived.
  [[nodiscard]] bool is_unlocked() const { return is_unlocked_; }

  // Derives them, with the shares of that epoch's first entry and of its anchor. Error{corrupt}
  // where they are not those of the public keys that the entry names.
  void unlock(const EpochBeginning& beginning, const Key& anchor_share);

  // The slot's own seed, to wrap it anew.
  [[nodiscard]] const Key& slot_seed() const { return secrets_->slot_seed; }

  // Whether the grant's keys are those that the journal's state names, and no more than the slot
  // may have.
  [[nodiscard]] bool is_grant_confirmed_by(const State& state) const;

  // The slot's box of that epoch; nothing where there is none. A copy that is not what `accepts`
  // asks for is as good as damaged. Where the store has no good copy, the kept box serves.
  [[nodiscard]] std::optional<OpenedEpoch> open_epoch(StoreReader& store,
                                                      std::uint32_t number,
                                                      const EpochId& epoch,
                                                      Observer& observer,
                                                      const AcceptEpoch& accepts) const;
  // From here on objects are made in that epoch.
  void enter(OpenedEpoch opened);

  // The box of the epoch that was entered last, by this process or by one before it. It opens
  // nothing that is stored without the epoch's anchor, so it may be kept.
  [[nodiscard]] const Bytes& kept_box() const { return kept_box_; }

  // The path of the current epoch's box, if the store had no good copy of it; once for each time.
  [[nodiscard]] std::optional<std::string> take_lost_box() {
    return std::exchange(lost_box_, std::nullopt);
  }

  void keep_box(Bytes box) { kept_box_ = std::move(box); }

  void open_grant(StoreReader& store, Observer& observer);
  // For init, which has just drawn them.
  void adopt(Secrets secrets, std::uint32_t epoch_number, const EpochId& epoch);

 private:
  friend class Repository;  // hands keys out as rights

  ObjectOrigin origin_;
  std::uint32_t generation_ = 1;
  ObjectHash fingerprint_;
  ObjectHash grant_hash_;
  Bytes kept_box_;
  std::optional<std::string> lost_box_;
  bool is_unlocked_ = false;
  Guarded<Secrets> secrets_;
};

}  // namespace kist
