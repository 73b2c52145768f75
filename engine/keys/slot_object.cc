#include "engine/keys/slot_object.h"

#include <algorithm>

#include "engine/base/attempt.h"
#include "engine/crypto/hash.h"
#include "engine/crypto/seal.h"
#include "engine/crypto/sign.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/store/twins.h"

namespace kist {

namespace {

constexpr std::size_t slot_secret_bytes_max = 256;
// All slots together may ask for the work of this many at default cost, or planted ones are a bomb.
constexpr std::uint64_t argon2_work_max =
    std::uint64_t{64} * argon2_floor.passes * argon2_floor.memory_kib;

Key wrapping_key(const Credential& credential, const SlotClear& clear) {
  if (credential.kind == SlotKind::passphrase) {
    return derive_key_from_passphrase(credential.secret.view(), clear.salt,
                                      {clear.passes, clear.memory_kib});
  }
  return derive_key(Key::from(credential.secret.view()), KeyUse::key_file_wrapping);
}

}  // namespace

SlotKeys::SlotKeys(const Key& slot_seed)
    : seed(slot_seed.clone()),
      signing_seed(derive_key(slot_seed, KeyUse::slot_signing_seed)),
      box_seed(derive_key(slot_seed, KeyUse::slot_box_seed)) {}

SlotPublicKeys SlotKeys::public_keys() const {
  return {signing_public_key(signing_seed), box_public_key(box_seed)};
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
  ByteWriter payload(slot_secret_bytes_max);
  payload.raw(keys.seed.view());
  payload.id(wrapping.fingerprint);
  const SecretBytes secret(payload.take());
  return seal_object(
      {.type = ObjectType::slot, .origin = origin, .clear = encode_slot_clear(clear)},
      wrapping_key(wrapping.credential, clear), keys.signing_seed, random, secret.view());
}

namespace {

// What is being tried on each slot object.
struct Attempt {
  const RepositoryId& repository;
  const Credential& credential;
  std::uint64_t work_left = argon2_work_max;
};

// Whether a slot of that clear section may be tried at all; a hostile one costs nothing.
bool is_worth_trying(const SlotClear& clear, const std::string& path, Attempt& attempt) {
  if (clear.kind != attempt.credential.kind) return false;
  if (clear.kind != SlotKind::passphrase) return true;
  if (!is_allowed({clear.passes, clear.memory_kib})) {
    throw Error(Code::corrupt, concat(path, " asks for an Argon2id cost out of bounds"));
  }
  const std::uint64_t work = std::uint64_t{clear.passes} * clear.memory_kib;
  if (work > attempt.work_left) return false;
  attempt.work_left -= work;
  return true;
}

// One slot object tried: the opened slot, nothing when the secret is another's; throws on damage.
std::optional<OpenedSlot> try_slot(View bytes,
                                   const std::string& path,
                                   const SlotPath& slot,
                                   Attempt& attempt) {
  const Envelope envelope = decode_envelope_of(bytes, path, ObjectType::slot, attempt.repository);
  const SlotClear clear = decode_slot_clear(envelope.clear, path);
  if (envelope.header.author != slot.slot || clear.generation != slot.generation ||
      !is_signed_by(envelope, clear.signing_key)) {
    throw Error(Code::corrupt, concat(path, " is not authentic: damaged, or put there by others"));
  }
  if (!is_worth_trying(clear, path, attempt)) return std::nullopt;
  Bytes plain(envelope.sealed.size() - seal_overhead);
  if (!open(wrapping_key(attempt.credential, clear), envelope.header.nonce, envelope.associated,
            envelope.sealed, plain)) {
    return std::nullopt;
  }
  const SecretBytes padded(std::move(plain));
  const View payload = unpad_payload(padded.view(), path);
  if (payload.size() != slot_secret_size) {
    throw Error(Code::corrupt, concat(path, " has a wrong size"));
  }
  OpenedSlot out;
  out.slot = slot.slot;
  out.generation = slot.generation;
  out.seed = Key::from(payload.first(32));
  std::ranges::copy(payload.subspan(32, 32), out.fingerprint.bytes.begin());
  const SlotKeys keys(out.seed);
  if (keys.public_keys().signing != clear.signing_key) {
    throw Error(Code::corrupt, concat(path, " names another signing key than its secret yields"));
  }
  return out;
}

std::vector<SlotPath> slots_to_try(StoreReader& store, const SlotChoice& choice) {
  std::vector<SlotPath> out;
  store.list("slots", [&](const std::string& file) {
    const std::string base = first_copy_path(file);
    const auto slot = parse_slot_path(base);
    const bool is_selected =
        slot && (!choice.only || slot->slot == *choice.only) && !choice.except.contains(slot->slot);
    if (is_selected) out.push_back(*slot);
  });
  // Preferred first, then by id, newest generation first; a slot and its twin once.
  const auto key = [&](const SlotPath& slot) {
    return std::tuple(choice.preferred != slot.slot, slot.slot, ~slot.generation);
  };
  std::ranges::sort(out, {}, key);
  const auto is_same = [&](const SlotPath& a, const SlotPath& b) { return key(a) == key(b); };
  out.erase(std::unique(out.begin(), out.end(), is_same), out.end());
  return out;
}

// Both copies of a slot object tried: the opened slot, nothing when the secret is another's. An
// intact copy that does not open is enough, for the other is the same; damage is noted.
std::optional<OpenedSlot> try_copies(StoreReader& store,
                                     const SlotPath& slot,
                                     Attempt& attempt,
                                     std::optional<Error>& damage) {
  std::optional<OpenedSlot> opened;
  const auto take = [&](Copy& copy) {
    if (!copy.problem) {
      copy.problem = failure_of([&] { opened = try_slot(*copy.bytes, copy.path, slot, attempt); });
    }
    if (copy.problem && !copy.is_absent()) damage = copy.problem;
    return !copy.problem;
  };
  find_copy(store, slot_path(slot.slot, slot.generation), slot_object_bytes_max, take);
  return opened;
}

}  // namespace

OpenedSlot open_slot(StoreReader& store,
                     const RepositoryId& repository,
                     const Credential& credential,
                     const SlotChoice& choice) {
  Attempt attempt{.repository = repository, .credential = credential};
  std::optional<Error> damage;
  for (const SlotPath& slot : slots_to_try(store, choice)) {
    std::optional<OpenedSlot> opened = try_copies(store, slot, attempt, damage);
    if (opened) return std::move(*opened);
  }
  if (damage) throw Error(*damage);
  throw Error(Code::wrong_secret, credential.kind == SlotKind::passphrase
                                      ? "wrong password: no slot of the repository opens with it"
                                      : "wrong key: no slot of the repository opens with it");
}

}  // namespace kist
