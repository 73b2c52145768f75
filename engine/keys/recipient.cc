#include "engine/keys/recipient.h"

#include "engine/crypto/hash.h"
#include "engine/crypto/seal.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/store/twins.h"

namespace kist {

namespace {

constexpr std::string_view recipient_prefix = "kist-public-1:";
constexpr std::size_t recipient_keys_size = SigningPublicKey::size + BoxPublicKey::size;
constexpr std::size_t recipient_check_size = 4;  // of the hash of the keys

// What follows the prefix.
Bytes with_check(const SlotPublicKeys& keys) {
  ByteWriter out;
  out.id(keys.signing);
  out.id(keys.box);
  const ObjectHash hash = hash_object(out.view());
  out.raw(View(hash.bytes).first(recipient_check_size));
  return out.take();
}

Key recipient_seed(const Credential& key_file) {
  return derive_key(Key::from(key_file.secret.view()), KeyUse::recipient_seed);
}

bool is_granted(StoreReader& store,
                const RepositoryId& repository,
                const SlotId& slot,
                const Key& box_seed) {
  return find_whole_copy(store, grant_path(slot), small_object_bytes_max, [&](const Copy& copy) {
    const Envelope envelope =
        decode_envelope_of(*copy.bytes, copy.path, ObjectType::grant, repository);
    return open_box(box_seed, envelope.clear).has_value();
  });
}

}  // namespace

std::string encode_recipient(const SlotPublicKeys& keys) {
  const Bytes bytes = with_check(keys);
  return concat(recipient_prefix, to_hex(bytes.data(), bytes.size()));
}

SlotPublicKeys parse_recipient(std::string_view text) {
  Bytes bytes(recipient_keys_size + recipient_check_size);
  if (!text.starts_with(recipient_prefix) ||
      !from_hex(text.substr(recipient_prefix.size()), bytes.data(), bytes.size())) {
    throw Error(Code::invalid,
                "that is not a recipient's key: it is the line kist-public-1:… that kist key "
                "generate prints");
  }
  ByteReader in(bytes, "a recipient's key");
  SlotPublicKeys out;
  out.signing = in.id<SigningPublicKey>();
  out.box = in.id<BoxPublicKey>();
  if (encode_recipient(out) != text) {  // another spelling, too
    throw Error(Code::invalid, "the recipient's key has a slip in it; copy the whole line again");
  }
  return out;
}

SlotPublicKeys recipient_of(const Credential& key_file) {
  return SlotKeys(recipient_seed(key_file)).public_keys();
}

OpenedSlot open_as_recipient(StoreReader& store,
                             const RepositoryId& repository,
                             const Credential& key_file,
                             const ObjectHash& fingerprint,
                             const SlotChoice& choice) {
  OpenedSlot out;
  out.generation = 0;
  out.fingerprint = fingerprint;
  out.seed = recipient_seed(key_file);
  const SlotKeys keys(out.seed);
  std::set<SlotId> candidates;
  store.list("grants", [&](const std::string& file) {
    const auto slot = parse_id<SlotId>(first_copy_path(file));
    const bool is_selected =
        slot && (!choice.only || slot == choice.only) && !choice.except.contains(*slot);
    if (is_selected) candidates.insert(*slot);
  });
  for (const SlotId& slot : candidates) {
    if (!is_granted(store, repository, slot, keys.box_seed)) continue;
    out.slot = slot;
    return out;
  }
  throw Error(Code::wrong_secret,
              "nobody has let this key in: give what kist key generate prints to an owner, for "
              "kist key add --recipient");
}

}  // namespace kist
