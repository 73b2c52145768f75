#include "engine/crypto/sign.h"

#include <sodium.h>

#include "engine/base/pinned.h"

namespace kist {

namespace {

struct SigningKeys : private Pinned {
  explicit SigningKeys(const Key& seed) {
    crypto_sign_seed_keypair(public_key.bytes.data(), secret_key.data(), seed.data());
  }

  ~SigningKeys() { wipe(secret_key); }

  SigningPublicKey public_key;
  std::array<std::uint8_t, crypto_sign_SECRETKEYBYTES> secret_key{};
};

}  // namespace

SigningPublicKey signing_public_key(const Key& seed) {
  return SigningKeys(seed).public_key;
}

Signature sign(const Key& seed, View message) {
  const SigningKeys keys(seed);
  Signature out;
  crypto_sign_detached(out.bytes.data(), nullptr, message.data(), message.size(),
                       keys.secret_key.data());
  return out;
}

bool verify_signature(const SigningPublicKey& key, View message, const Signature& signature) {
  return crypto_sign_verify_detached(signature.bytes.data(), message.data(), message.size(),
                                     key.bytes.data()) == 0;
}

}  // namespace kist
