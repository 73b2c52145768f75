// Ed25519 signatures (libsodium crypto_sign, detached).
#pragma once

#include "engine/base/bytes.h"
#include "engine/base/id.h"
#include "engine/crypto/secret.h"

namespace kist {

SigningPublicKey signing_public_key(const Key& seed);
Signature sign(const Key& seed, View message);
[[nodiscard]] bool verify_signature(const SigningPublicKey& key,
                                    View message,
                                    const Signature& signature);

}  // namespace kist
