// Hashes: BLAKE2b (libsodium crypto_generichash) for what is stored, SipHash for local tables.
#pragma once

#include <array>
#include <cstdint>

#include "engine/base/bytes.h"
#include "engine/base/id.h"
#include "engine/crypto/secret.h"

namespace kist {

// The id of a block: BLAKE2b-256 of its plaintext keyed with the repository's id_key.
BlockId hash_block(const Key& id_key, View plaintext);
// The tag under which the index has a block: BLAKE2b-192 of its id.
BlockTag tag_of(const BlockId& id);
// The hash of an object: BLAKE2b-256 of its bytes.
ObjectHash hash_object(View bytes);
KeyHash hash_key(const Key& key);
// BLAKE2b-256 keyed, for values derived from a secret and a label.
Key hash_keyed(const Key& key, View message);

// The hash of an object that is written piece by piece.
class ObjectHasher {
 public:
  ObjectHasher();
  void update(View bytes);
  ObjectHash finish();

 private:
  alignas(64) std::array<std::uint8_t, 384> state_{};  // crypto_generichash_state
};

// SipHash-2-4, 64 bits: keyed checksums and cut decisions.
std::uint64_t short_hash(const std::array<std::uint8_t, 16>& key, View bytes);
// SipHashx-2-4, 128 bits: what a local table is keyed by.
std::array<std::uint8_t, 16> short_hash_128(const std::array<std::uint8_t, 16>& key, View bytes);

}  // namespace kist
