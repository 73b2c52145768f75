#include "engine/keys/keyring.h"

#include "engine/base/attempt.h"
#include "engine/crypto/hash.h"
#include "engine/crypto/seal.h"
#include "engine/crypto/sign.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/keys/epoch_secrets.h"
#include "engine/rules/state.h"
#include "engine/store/twins.h"

namespace kist {

Keyring::Keyring(const RepositoryId& repository, const OpenedSlot& slot)
    : generation_(slot.generation), fingerprint_(slot.fingerprint) {
  origin_.repository = repository;
  origin_.author = slot.slot;
  SlotKeys keys(slot.seed);
  secrets_->slot_seed = std::move(keys.seed);
  secrets_->signing_seed = std::move(keys.signing_seed);
  secrets_->box_seed = std::move(keys.box_seed);
}

void Keyring::adopt(Secrets secrets, std::uint32_t epoch_number, const EpochId& epoch) {
  *secrets_ = std::move(secrets);
  origin_.epoch_number = epoch_number;
  origin_.epoch = epoch;
}

std::optional<OpenedEpoch> Keyring::open_epoch(StoreReader& store,
                                               std::uint32_t number,
                                               const EpochId& epoch,
                                               Observer& observer,
                                               const AcceptEpoch& accepts) const {
  const std::string path = epoch_box_path(number, epoch, slot());
  std::optional<OpenedEpoch> out;
  const auto take = [&](View candidate) {
    const EpochBox box = decode_epoch_box(candidate, path);
    const bool fits = box.repository == repository() && box.epoch_number == number &&
                      box.epoch == epoch && box.slot == slot();
    const auto opened = fits ? open_box(secrets_->box_seed, box.box) : std::nullopt;
    if (!opened) throw Error(Code::corrupt, concat(path, " is not authentic"));
    const View keys = opened->view();
    OpenedEpoch found;
    found.number = number;
    found.epoch = epoch;
    found.hash = hash_object(candidate);
    std::size_t at = 0;
    for (Key* key : {&found.parts.journal_key, &found.parts.index_part, &found.parts.audit_part,
                     &found.parts.read_part}) {
      *key = Key::from(keys.subspan(at, Key::size));
      at += Key::size;
    }
    found.least = ByteReader(keys.subspan(at), path).u64();
    if (!accepts(found)) throw Error(Code::corrupt, concat(path, " is not the journal's"));
    found.box.assign(candidate.begin(), candidate.end());
    out = std::move(found);
  };
  const auto damage = damage_of([&] {
    if (!has_copy(store, path)) return;
    static_cast<void>(get_twinned(store, path, small_object_bytes_max, observer, take));
  });
  if (!out && !kept_box_.empty() && !damage_of([&] { take(kept_box_); })) out->is_kept = true;
  if (!out && damage) throw Error(*damage);
  return out;
}

void Keyring::enter(OpenedEpoch opened) {
  secrets_->parts = std::move(opened.parts);
  lost_box_.reset();
  if (opened.is_kept) lost_box_ = epoch_box_path(opened.number, opened.epoch, slot());
  kept_box_ = std::move(opened.box);
  secrets_->epoch = {};
  is_unlocked_ = false;
  origin_.epoch_number = opened.number;
  origin_.epoch = opened.epoch;
}

std::optional<SecretBytes> Keyring::open_own_box(View box) const {
  return open_box(secrets_->box_seed, box);
}

void Keyring::unlock(const EpochBeginning& beginning, const Key& anchor_share) {
  EpochSecrets derived = derive_epoch_secrets(secrets_->parts, beginning.share, anchor_share);
  const auto fits = [](const Key& secret, const BoxPublicKey& key) {
    return secret.is_zero() || box_public_key(secret) == key;
  };
  if (!fits(derived.read_secret, beginning.epoch_key) ||
      !fits(derived.audit_secret, beginning.audit_key)) {
    throw Error(Code::corrupt,
                "this slot's epoch box does not hold the epoch's secrets: whoever began the epoch "
                "has shut the slot out; ask an owner for another one");
  }
  secrets_->epoch = std::move(derived);
  is_unlocked_ = true;
}

void Keyring::open_grant(StoreReader& store, Observer& observer) {
  const std::string path = grant_path(slot());
  std::optional<SecretBytes> secret;
  const Bytes bytes =
      get_twinned(store, path, small_object_bytes_max, observer, [&](View candidate) {
        const Envelope envelope =
            decode_envelope_of(candidate, path, ObjectType::grant, repository());
        const std::optional<SecretBytes> key = open_box(secrets_->box_seed, envelope.clear);
        if (!key) throw Error(Code::corrupt, concat(path, " is not authentic"));
        secret = open_envelope(envelope, path, Key::from(key->view()));
        if (secret->view().size() != grant_secret_size) {
          throw Error(Code::corrupt, concat(path, " has a wrong size"));
        }
      });
  grant_hash_ = hash_object(bytes);
  secrets_->id_key = Key::from(secret->view().first(32));
  secrets_->chunk_seed = Key::from(secret->view().subspan(32, 32));
}

bool Keyring::is_grant_confirmed_by(const State& state) const {
  const SlotIntroduction& slot = state.slots.at(this->slot()).introduction;
  const Capabilities may = slot.capabilities;
  const auto is_it = [](const Key& key, const KeyHash& hash, bool is_due) {
    return is_due ? hash_key(key) == hash : key.is_zero();
  };
  return slot.grant == grant_hash_ &&
         signing_public_key(secrets_->signing_seed) == slot.signing_key &&
         is_it(secrets_->id_key, state.genesis.id_key, (may & (can_write | can_read)) != 0) &&
         is_it(secrets_->chunk_seed, state.genesis.chunk_seed, (may & can_write) != 0);
}

}  // namespace kist
