// Keys from keys (libsodium crypto_kdf, BLAKE2b) and from passphrases (Argon2id, version 1.3).
#pragma once

#include <array>
#include <cstdint>

#include "engine/base/bytes.h"
#include "engine/crypto/key_uses.h"
#include "engine/crypto/secret.h"

namespace kist {

// The key of that use.
Key derive_key(const Key& key, KeyUse use);
// The key of that number, of a use that has a key for each number: the secret of frame 17, say.
Key derive_numbered_key(const Key& key, KeyUse use, std::uint64_t number);

struct Argon2Cost {
  std::uint32_t passes = 3;
  std::uint32_t memory_kib = 64U << 10U;
  bool operator==(const Argon2Cost&) const = default;
};

// Below the floor a passphrase is too cheap to guess; above the ceiling a hostile slot is a bomb.
inline constexpr Argon2Cost argon2_floor{3, 64U << 10U};
inline constexpr Argon2Cost argon2_ceiling{16, 4U << 20U};

[[nodiscard]] inline bool is_allowed(const Argon2Cost& cost) {
  return cost.passes >= argon2_floor.passes && cost.passes <= argon2_ceiling.passes &&
         cost.memory_kib >= argon2_floor.memory_kib && cost.memory_kib <= argon2_ceiling.memory_kib;
}

// Throws Error{failed} when the memory cannot be had.
Key derive_key_from_passphrase(View passphrase,
                               const std::array<std::uint8_t, 16>& salt,
                               const Argon2Cost& cost);

// `out` filled from a seed (randombytes_buf_deterministic): the padding of packs.
void fill_from_seed(const Key& seed, MutableView out);

}  // namespace kist
