#include "engine/keys/keyring.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "engine/crypto/hash.h"
#include "engine/crypto/seal.h"
#include "engine/crypto/sign.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/rules/state.h"

namespace kist {

namespace {

// Room taken at once, so that a growing buffer leaves no copy of a secret behind.
constexpr std::size_t secret_bytes_max = 256;
constexpr std::string_view slot_context = "kistslot";
constexpr std::string_view key_file_prefix = "kist-key-1:";
constexpr std::string_view hex_digits = "0123456789abcdef";
// All slots together may ask for the work of this many at default cost, or planted ones are a bomb.
constexpr std::uint64_t argon2_work_max =
    std::uint64_t{64} * argon2_floor.passes * argon2_floor.memory_kib;

Key wrapping_key(const Credential& credential, const SlotClear& clear) {
  if (credential.kind == SlotKind::passphrase) {
    return derive_key_from_passphrase(credential.secret.view(), clear.salt,
                                      {clear.passes, clear.memory_kib});
  }
  return derive_key(Key::from(credential.secret.view()), 1, key_file_context);
}

}  // namespace

SecretBytes encode_key_file(const Key& key) {
  ByteWriter out(secret_bytes_max);
  out.raw(as_view(key_file_prefix));
  for (const std::uint8_t byte : key.view()) {
    out.u8(static_cast<std::uint8_t>(hex_digits[byte >> 4U]));
    out.u8(static_cast<std::uint8_t>(hex_digits[byte & 15U]));
  }
  out.raw(as_view("\n"));
  return SecretBytes(out.take());
}

Credential parse_key_file(View text, const std::string& path) {
  ByteWriter without_space(text.size());
  for (const std::uint8_t byte : text) {
    if (std::isspace(byte) == 0) without_space.u8(byte);
  }
  const SecretBytes line(without_space.take());
  const std::string_view digits = as_text(line.view());
  Bytes key(Key::size);
  if (!digits.starts_with(key_file_prefix) ||
      !from_hex(digits.substr(key_file_prefix.size()), key.data(), key.size())) {
    throw Error(Code::invalid,
                concat(path, " is not a key file of Kist; kist key generate makes one"));
  }
  return {SlotKind::key_file, SecretBytes(std::move(key))};
}

SlotKeys::SlotKeys(const Key& slot_seed)
    : seed(slot_seed.clone()),
      signing_seed(derive_key(slot_seed, 1, slot_context)),
      box_seed(derive_key(slot_seed, 2, slot_context)) {}

SlotPublicKeys SlotKeys::public_keys() const {
  return {signing_public_key(signing_seed), box_public_key(box_seed)};
}

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
  const std::string name = epoch_name(number, epoch, slot());
  if (!store.size(name) && !store.size(twin_name(name))) return std::nullopt;
  std::optional<OpenedEpoch> out;
  static_cast<void>(get_twinned(store, name, small_object_bytes_max, observer, [&](View candidate) {
    const EpochBox box = decode_epoch_box(candidate, name);
    const bool fits = box.repository == repository() && box.epoch_number == number &&
                      box.epoch == epoch && box.slot == slot();
    const auto opened = fits ? open_box(secrets_->box_seed, box.box) : std::nullopt;
    if (!opened) throw Error(Code::corrupt, concat(name, " is not authentic"));
    const View keys = opened->view();
    OpenedEpoch found;
    found.number = number;
    found.epoch = epoch;
    found.hash = hash_object(candidate);
    found.journal_key = Key::from(keys.first(32));
    found.index_key = Key::from(keys.subspan(32, 32));
    found.epoch_secret = Key::from(keys.subspan(64, 32));
    found.begun = ByteReader(keys.subspan(96), name).u64();
    if (!accepts(found)) throw Error(Code::corrupt, concat(name, " is not the journal's"));
    out = std::move(found);
  }));
  return out;
}

void Keyring::enter(OpenedEpoch opened) {
  secrets_->journal_key = std::move(opened.journal_key);
  secrets_->index_key = std::move(opened.index_key);
  secrets_->epoch_secret = std::move(opened.epoch_secret);
  origin_.epoch_number = opened.number;
  origin_.epoch = opened.epoch;
}

const Key* Keyring::find_journal_key(const EpochId& epoch) const {
  if (epoch == origin_.epoch) return &secrets_->journal_key;
  const auto found = journal_keys_.find(epoch);
  return found == journal_keys_.end() ? nullptr : &found->second;
}

void Keyring::learn_journal_key(const EpochId& epoch, Key key) {
  journal_keys_.insert_or_assign(epoch, std::move(key));
}

void Keyring::open_grant(StoreReader& store, Observer& observer) {
  const std::string name = grant_name(slot());
  std::optional<SecretBytes> secret;
  const Bytes bytes =
      get_twinned(store, name, small_object_bytes_max, observer, [&](View candidate) {
        const Envelope envelope =
            decode_envelope_of(candidate, name, ObjectType::grant, repository());
        const std::optional<SecretBytes> key = open_box(secrets_->box_seed, envelope.clear);
        if (!key) throw Error(Code::corrupt, concat(name, " is not authentic"));
        secret = open_envelope(envelope, name, Key::from(key->view()));
        if (secret->view().size() != grant_secret_size) {
          throw Error(Code::corrupt, concat(name, " has a wrong size"));
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

Bytes make_slot_object(const ObjectOrigin& origin,
                       const SlotKeys& keys,
                       const Wrapping& wrapping,
                       Random& random) {
  SlotClear clear;
  clear.signing_key = keys.public_keys().signing;
  clear.box_key = keys.public_keys().box;
  clear.kind = wrapping.credential.kind;
  clear.generation = wrapping.generation;
  if (wrapping.credential.kind == SlotKind::passphrase) {
    clear.passes = wrapping.cost.passes;
    clear.memory_kib = wrapping.cost.memory_kib;
    random.fill(clear.salt);
  }
  ByteWriter payload(secret_bytes_max);
  payload.raw(keys.seed.view());
  payload.id(wrapping.fingerprint);
  const SecretBytes secret(payload.take());
  return seal_object(
      {.type = ObjectType::slot, .origin = origin, .clear = encode_slot_clear(clear)},
      wrapping_key(wrapping.credential, clear), keys.signing_seed, random, secret.view());
}

Bytes make_grant(const ObjectOrigin& origin,
                 const Key& signing_seed,
                 const BoxPublicKey& recipient,
                 const GrantSecrets& secrets,
                 Random& random) {
  Key key;
  random.fill(key.mutable_view());
  Key ephemeral;
  random.fill(ephemeral.mutable_view());
  ByteWriter payload(secret_bytes_max);
  payload.raw(secrets.id_key != nullptr ? secrets.id_key->view() : Key().view());
  payload.raw(secrets.chunk_seed != nullptr ? secrets.chunk_seed->view() : Key().view());
  const SecretBytes secret(payload.take());
  return seal_object({.type = ObjectType::grant,
                      .origin = origin,
                      .clear = seal_box(recipient, ephemeral, key.view())},
                     key, signing_seed, random, secret.view());
}

Bytes make_epoch_box(const ObjectOrigin& origin,
                     const SlotId& slot,
                     const BoxPublicKey& recipient,
                     const EpochSecrets& secrets,
                     bool may_read) {
  ByteWriter label;
  label.raw(as_view("kist epoch box"));
  label.id(origin.repository);
  label.u32(origin.epoch_number);
  label.id(origin.epoch);
  label.id(slot);
  const Key ephemeral = hash_keyed(secrets.epoch_secret, label.view());
  ByteWriter payload(secret_bytes_max);
  payload.raw(secrets.journal_key.view());
  payload.raw(secrets.index_key.view());
  payload.raw(may_read ? secrets.epoch_secret.view() : Key().view());
  payload.u64(secrets.begun);
  const SecretBytes secret(payload.take());
  return encode_epoch_box({.repository = origin.repository,
                           .epoch_number = origin.epoch_number,
                           .epoch = origin.epoch,
                           .slot = slot,
                           .box = seal_box(recipient, ephemeral, secret.view())});
}

namespace {

// What is being tried on each slot object.
struct Attempt {
  const RepositoryId& repository;
  const Credential& credential;
  std::uint64_t work_left = argon2_work_max;
};

// Whether a slot of that clear section may be tried at all; a hostile one costs nothing.
bool is_worth_trying(const SlotClear& clear, const std::string& name, Attempt& attempt) {
  if (clear.kind != attempt.credential.kind) return false;
  if (clear.kind != SlotKind::passphrase) return true;
  if (!is_allowed({clear.passes, clear.memory_kib})) {
    throw Error(Code::corrupt, concat(name, " asks for an Argon2id cost out of bounds"));
  }
  const std::uint64_t work = std::uint64_t{clear.passes} * clear.memory_kib;
  if (work > attempt.work_left) return false;
  attempt.work_left -= work;
  return true;
}

// One slot object tried: the opened slot, nothing when the secret is another's; throws on damage.
std::optional<OpenedSlot> try_slot(View bytes,
                                   const std::string& name,
                                   const SlotName& slot,
                                   Attempt& attempt) {
  const Envelope envelope = decode_envelope_of(bytes, name, ObjectType::slot, attempt.repository);
  const SlotClear clear = decode_slot_clear(envelope.clear, name);
  if (envelope.header.author != slot.slot || clear.generation != slot.generation ||
      !is_signed_by(envelope, clear.signing_key)) {
    throw Error(Code::corrupt, concat(name, " is not authentic: damaged, or put there by others"));
  }
  if (!is_worth_trying(clear, name, attempt)) return std::nullopt;
  Bytes plain(envelope.sealed.size() - seal_overhead);
  if (!open(wrapping_key(attempt.credential, clear), envelope.header.nonce, envelope.associated,
            envelope.sealed, plain)) {
    return std::nullopt;
  }
  const SecretBytes padded(std::move(plain));
  const View payload = unpad_payload(padded.view(), name);
  if (payload.size() != slot_secret_size) {
    throw Error(Code::corrupt, concat(name, " has a wrong size"));
  }
  OpenedSlot out;
  out.slot = slot.slot;
  out.generation = slot.generation;
  out.seed = Key::from(payload.first(32));
  std::ranges::copy(payload.subspan(32, 32), out.fingerprint.bytes.begin());
  const SlotKeys keys(out.seed);
  if (keys.public_keys().signing != clear.signing_key) {
    throw Error(Code::corrupt, concat(name, " names another signing key than its secret yields"));
  }
  return out;
}

std::vector<SlotName> slots_to_try(StoreReader& store, const SlotChoice& choice) {
  std::vector<SlotName> out;
  store.list("slots", [&](const std::string& file) {
    const std::string base = untwinned(file);
    const auto slot = parse_slot_name(base);
    const bool is_meant =
        slot && (!choice.only || slot->slot == *choice.only) && !choice.except.contains(slot->slot);
    if (is_meant) out.push_back(*slot);
  });
  // Preferred first, then by id, newest generation first; a slot and its twin once.
  const auto key = [&](const SlotName& slot) {
    return std::tuple(choice.preferred != slot.slot, slot.slot, ~slot.generation);
  };
  std::ranges::sort(out, {}, key);
  const auto is_same = [&](const SlotName& a, const SlotName& b) { return key(a) == key(b); };
  out.erase(std::unique(out.begin(), out.end(), is_same), out.end());
  return out;
}

}  // namespace

OpenedSlot open_slot(StoreReader& store,
                     const RepositoryId& repository,
                     const Credential& credential,
                     const SlotChoice& choice) {
  Attempt attempt{.repository = repository, .credential = credential};
  std::optional<Error> damage;
  for (const SlotName& slot : slots_to_try(store, choice)) {
    const std::string name = slot_name(slot.slot, slot.generation);
    for (const std::string& copy : {name, twin_name(name)}) {
      try {
        const Bytes bytes = get_object(store, copy, slot_object_bytes_max);
        auto opened = try_slot(bytes, copy, slot, attempt);
        if (opened) return std::move(*opened);
        break;  // an intact copy that does not open: the twin is the same
      } catch (const Error& error) {
        if (error.code() == Code::interrupted) throw;
        if (error.code() != Code::missing) damage = error;
      }
    }
  }
  if (damage) throw Error(*damage);
  throw Error(Code::wrong_secret, credential.kind == SlotKind::passphrase
                                      ? "wrong password: no slot of the repository opens with it"
                                      : "wrong key: no slot of the repository opens with it");
}

Bytes get_twinned(StoreReader& store,
                  const std::string& name,
                  std::uint64_t size_max,
                  Observer& observer,
                  const std::function<void(View)>& is_good) {
  std::optional<Error> first;
  for (const std::string& copy : {name, twin_name(name)}) {
    try {
      Bytes bytes = get_object(store, copy, size_max);
      is_good(bytes);
      if (first) observer.notice(concat(first->text(), "; its second copy is good and was used"));
      return bytes;
    } catch (const Error& error) {
      if (error.code() == Code::interrupted) throw;
      if (!first) first = error;
    }
  }
  throw Error(*first);
}

void put_twinned(StoreWriter& store, const std::string& name, View bytes) {
  store.put(name, bytes);
  store.put(twin_name(name), bytes);
}

}  // namespace kist
