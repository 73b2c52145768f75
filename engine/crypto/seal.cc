#include "engine/crypto/seal.h"

#include <sodium.h>

namespace kist {

void seal(const Key& key, const Nonce& nonce, View associated, View plaintext, MutableView out) {
  KIST_ENSURE(out.size() == plaintext.size() + seal_overhead);
  crypto_aead_xchacha20poly1305_ietf_encrypt(out.data(), nullptr, plaintext.data(),
                                             plaintext.size(), associated.data(), associated.size(),
                                             nullptr, nonce.bytes.data(), key.data());
}

bool open(const Key& key, const Nonce& nonce, View associated, View sealed, MutableView out) {
  if (sealed.size() < seal_overhead) return false;
  KIST_ENSURE(out.size() == sealed.size() - seal_overhead);
  return crypto_aead_xchacha20poly1305_ietf_decrypt(
             out.data(), nullptr, nullptr, sealed.data(), sealed.size(), associated.data(),
             associated.size(), nonce.bytes.data(), key.data()) == 0;
}

void xor_stream(const Key& key, const Nonce& nonce, MutableView bytes) {
  if (bytes.empty()) return;  // and may have no address, which libsodium declares that it needs
  crypto_stream_xchacha20_xor(bytes.data(), bytes.data(), bytes.size(), nonce.bytes.data(),
                              key.data());
}

namespace {

// A box key pair; the secret half is wiped.
struct BoxKeys {
  explicit BoxKeys(const Key& seed) {
    crypto_box_seed_keypair(public_key.bytes.data(), secret_key.mutable_view().data(), seed.data());
  }

  BoxPublicKey public_key;
  Key secret_key;
};

// As crypto_box_seal derives it: BLAKE2b-192 of both public keys.
Nonce box_nonce(const BoxPublicKey& ephemeral, const BoxPublicKey& recipient) {
  Nonce nonce;
  crypto_generichash_state state;
  crypto_generichash_init(&state, nullptr, 0, Nonce::size);
  crypto_generichash_update(&state, ephemeral.bytes.data(), BoxPublicKey::size);
  crypto_generichash_update(&state, recipient.bytes.data(), BoxPublicKey::size);
  crypto_generichash_final(&state, nonce.bytes.data(), Nonce::size);
  return nonce;
}

}  // namespace

BoxPublicKey box_public_key(const Key& seed) {
  return BoxKeys(seed).public_key;
}

Bytes seal_box(const BoxPublicKey& recipient, const Key& ephemeral_seed, View plaintext) {
  const BoxKeys ephemeral(ephemeral_seed);
  Bytes out(plaintext.size() + box_overhead);
  std::ranges::copy(ephemeral.public_key.bytes, out.begin());
  const Nonce nonce = box_nonce(ephemeral.public_key, recipient);
  const int result =
      crypto_box_easy(out.data() + BoxPublicKey::size, plaintext.data(), plaintext.size(),
                      nonce.bytes.data(), recipient.bytes.data(), ephemeral.secret_key.data());
  if (result != 0) throw Error(Code::corrupt, "a public key is not a valid X25519 key");
  return out;
}

std::optional<SecretBytes> open_box(const Key& recipient_seed, View box) {
  if (box.size() < box_overhead) return std::nullopt;
  const BoxKeys keys(recipient_seed);
  Bytes out(box.size() - box_overhead);
  const int result = crypto_box_seal_open(out.data(), box.data(), box.size(),
                                          keys.public_key.bytes.data(), keys.secret_key.data());
  if (result != 0) return std::nullopt;
  return SecretBytes(std::move(out));
}

}  // namespace kist
