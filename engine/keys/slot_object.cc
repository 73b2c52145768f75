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
// All slots but the first may together ask for the work of this many at default cost, or planted
// ones are a bomb.
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

// One slot object tried: the opened slot, nothing when the secret is another's; throws on damage.
std::optional<OpenedSlot> try_slot(View bytes,
                                   const std::string& path,
                                   const SlotPath& slot,
                                   const RepositoryId& repository,
                                   const Credential& credential) {
  const auto [envelope, clear] = decode_slot_object(bytes, path, slot, repository);
  if (clear.kind != credential.kind) return std::nullopt;
  Bytes plain(envelope.sealed.size() - seal_overhead);
  if (!open(wrapping_key(credential, clear), envelope.header.nonce, envelope.associated,
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

// The search for the slot that a credential opens: what it has tried, and what it has not.
class SlotTrials {
 public:
  SlotTrials(StoreReader& store, const RepositoryId& repository, const Credential& credential)
      : store_(store), repository_(repository), credential_(credential) {}

  std::optional<OpenedSlot> try_all(const SlotChoice& choice) {
    for (const SlotToTry& slot :
         slots_to_try(store_, repository_, credential_.kind, choice, damaged_)) {
      if (!is_affordable(slot)) {
        if (untried_++ == 0) first_untried_ = slot_path(slot.path.slot, slot.path.generation);
        continue;
      }
      if (auto opened = try_copies(slot.path)) return opened;
    }
    return std::nullopt;
  }

  // Why no slot has opened. A secret is called wrong only where nothing was left untried.
  [[nodiscard]] Error error(bool names_slot) const {
    const bool is_passphrase = credential_.kind == SlotKind::passphrase;
    const std::string_view secret = is_passphrase ? "password" : "key";
    if (untried_ > 0) return {Code::refused, untried_text(names_slot)};
    if (damaged_.first) {
      return {damaged_.first->code(),
              concat("no slot opens with this ", secret, ", but ", damaged_text())};
    }
    if (names_slot) {
      return {Code::wrong_secret,
              tried_ == 0 ? concat("slots/ holds no object of the slot that --slot names that a ",
                                   secret, " could open")
                          : concat("wrong ", secret,
                                   ": the slot that --slot names does not open "
                                   "with it")};
    }
    return {Code::wrong_secret,
            concat("wrong ", secret, ": no slot of the repository opens with it")};
  }

 private:
  bool is_affordable(const SlotToTry& slot) {
    const bool is_first = tried_++ == 0;
    if (slot.work > work_left_ && !is_first) return false;
    work_left_ -= std::min(work_left_, slot.work);
    return true;
  }

  // Both copies of a slot object tried. An intact copy that does not open is enough, for the other
  // is the same.
  std::optional<OpenedSlot> try_copies(const SlotPath& slot) {
    std::optional<OpenedSlot> opened;
    std::optional<Error> damage;
    const auto take = [&](Copy& copy) {
      if (!copy.problem) {
        copy.problem = failure_of(
            [&] { opened = try_slot(*copy.bytes, copy.path, slot, repository_, credential_); });
      }
      if (copy.problem && !copy.is_absent()) damage = copy.problem;
      return !copy.problem;
    };
    const bool is_tried =
        find_copy(store_, slot_path(slot.slot, slot.generation), slot_object_bytes_max, take);
    if (!is_tried && damage) damaged_.add(*damage);
    return opened;
  }

  [[nodiscard]] std::string damaged_text() const {
    return concat(damaged_.count, damaged_.count == 1 ? " object" : " objects",
                  " in slots/ could not be tried: ", damaged_.first->text());
  }

  [[nodiscard]] std::string untried_text(bool names_slot) const {
    const std::string damaged = damaged_.first ? concat("; ", damaged_text()) : "";
    const std::string advice =
        names_slot ? "name one of them, with its number: --slot ID-NUMBER, as in slots/"
                   : "name the slot with --slot ID; kist init has printed it, kist key list --json "
                     "shows it, and objects in slots/ are called by it";
    return concat(
        "no slot that was tried opens with this password, but ", untried_, " of ", tried_,
        " objects in slots/ were not tried, ", first_untried_, untried_ == 1 ? "" : " and others",
        ": they ask for too much work, and may have been put there by anybody; ", advice, damaged);
  }

  StoreReader& store_;
  const RepositoryId& repository_;
  const Credential& credential_;
  std::uint64_t work_left_ = argon2_work_max;
  std::uint64_t tried_ = 0;  // or left out
  std::uint64_t untried_ = 0;
  std::string first_untried_;
  DamagedSlots damaged_;
};

}  // namespace

OpenedSlot open_slot(StoreReader& store,
                     const RepositoryId& repository,
                     const Credential& credential,
                     const SlotChoice& choice) {
  SlotTrials trials(store, repository, credential);
  SlotChoice others = choice;
  std::optional<OpenedSlot> opened;
  const bool has_preferred =
      choice.preferred && !choice.only && !choice.except.contains(*choice.preferred);
  if (has_preferred) {  // alone, so that the others need not be read for their order
    SlotChoice first = choice;
    first.only = choice.preferred;
    opened = trials.try_all(first);
    others.except.insert(*choice.preferred);
  }
  if (!opened) opened = trials.try_all(others);
  if (!opened) throw trials.error(choice.only.has_value());
  return std::move(*opened);
}

}  // namespace kist
