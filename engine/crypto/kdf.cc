#include "engine/crypto/kdf.h"

#include <sodium.h>

namespace kist {

namespace {

Key derive(const Key& key, std::uint64_t subkey, std::string_view context) {
  KIST_ENSURE(context.size() == crypto_kdf_CONTEXTBYTES);
  Key out;
  KIST_ENSURE(crypto_kdf_derive_from_key(out.mutable_view().data(), Key::size, subkey,
                                         context.data(), key.data()) == 0);
  return out;
}

}  // namespace

Key derive_key(const Key& key, KeyUse use) {
  const KeyUseRow& row = row_of(use);
  KIST_ENSURE(!row.is_numbered);
  return derive(key, row.subkey, row.context);
}

Key derive_numbered_key(const Key& key, KeyUse use, std::uint64_t number) {
  const KeyUseRow& row = row_of(use);
  KIST_ENSURE(row.is_numbered);
  return derive(key, number, row.context);
}

Key derive_key_from_passphrase(View passphrase,
                               const std::array<std::uint8_t, 16>& salt,
                               const Argon2Cost& cost) {
  KIST_ENSURE(is_allowed(cost));
  Key out;
  const int result = crypto_pwhash_argon2id(
      out.mutable_view().data(), Key::size, reinterpret_cast<const char*>(passphrase.data()),
      passphrase.size(), salt.data(), cost.passes, std::size_t{cost.memory_kib} << 10U,
      crypto_pwhash_argon2id_ALG_ARGON2ID13);
  if (result != 0) {
    throw Error(Code::failed, concat("the passphrase needs ", cost.memory_kib >> 10U,
                                     " MiB of memory to be checked; free some and run again"));
  }
  return out;
}

void fill_from_seed(const Key& seed, MutableView out) {
  if (out.empty()) return;  // the function below takes no null pointer
  randombytes_buf_deterministic(out.data(), out.size(), seed.data());
}

}  // namespace kist
