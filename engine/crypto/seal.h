// Authenticated encryption: XChaCha20-Poly1305 (libsodium crypto_aead_xchacha20poly1305_ietf) under
// a symmetric key, its stream alone for local records, and sealed boxes to an X25519 public key
// (the construction that libsodium documents for crypto_box_seal, with the ephemeral key given by
// the caller).
#pragma once

#include <optional>

#include "engine/base/bytes.h"
#include "engine/base/id.h"
#include "engine/crypto/secret.h"

namespace kist {

inline constexpr std::size_t seal_overhead = 16;
inline constexpr std::size_t box_overhead = 32 + 16;

// Writes plaintext.size() + seal_overhead bytes to `out`. A (key, nonce) pair seals once.
void seal(const Key& key, const Nonce& nonce, View associated, View plaintext, MutableView out);
// Writes sealed.size() - seal_overhead bytes to `out`; false when the bytes are not authentic,
// `out` then holds nothing of use.
[[nodiscard]] bool open(
    const Key& key, const Nonce& nonce, View associated, View sealed, MutableView out);

// XORs the XChaCha20 stream of key and nonce over the bytes: the first time hides them, the second
// shows them again. It says nothing about whether they are authentic: for records with a checksum
// of their own. A (key, nonce) pair hides one value.
void xor_stream(const Key& key, const Nonce& nonce, MutableView bytes);

// The key pair of a seed. X25519.
BoxPublicKey box_public_key(const Key& seed);
// Ephemeral public key, then ciphertext. The seed serves one box.
Bytes seal_box(const BoxPublicKey& recipient, const Key& ephemeral_seed, View plaintext);
// Empty when the box is not authentic or not for this seed's key.
std::optional<SecretBytes> open_box(const Key& recipient_seed, View box);

}  // namespace kist
