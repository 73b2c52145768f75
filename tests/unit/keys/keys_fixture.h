// Set-up that tests of engine/keys share: a repository that is nothing but an id, and slots whose
// keys follow from a number.
#pragma once

#include "engine/crypto/sign.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/keys/keyring.h"
#include "engine/keys/slot_object.h"
#include "engine/store/twins.h"
#include "tests/support/memory_store.h"
#include "tests/support/repository_fixture.h"
#include "tests/support/samples.h"
#include "tests/support/test.h"
#include "tests/unit/crypto/crypto_fixture.h"

namespace kist::test {

inline RepositoryId keys_repository() {
  return sample_id<RepositoryId>(1);
}

inline Credential key_file_of(std::uint8_t fill) {
  return {SlotKind::key_file, SecretBytes(Bytes(Key::size, fill))};
}

inline Credential passphrase_of(std::string_view text) {
  return {SlotKind::passphrase, SecretBytes(to_bytes(text))};
}

// A slot whose id and seed follow from one byte.
struct NumberedSlot {
  explicit NumberedSlot(std::uint8_t fill) : id(sample_id<SlotId>(fill)), keys(key_of(fill)) {}

  [[nodiscard]] ObjectOrigin origin() const {
    return {.repository = keys_repository(),
            .epoch_number = 0,
            .epoch = sample_id<EpochId>(200),
            .author = id};
  }

  // What the slot holds once a credential has opened it.
  [[nodiscard]] Keyring keyring(const ObjectHash& fingerprint = {}) const {
    OpenedSlot opened;
    opened.slot = id;
    opened.fingerprint = fingerprint;
    opened.seed = keys.seed.clone();
    return {keys_repository(), opened};
  }

  SlotId id;
  SlotKeys keys;
};

inline void flip_stored_bit(MemoryStore& store, const std::string& path, std::size_t at) {
  Bytes bytes = store.objects().at(path);
  bytes.at(at) ^= 1U;
  store.overwrite(path, std::move(bytes));
}

}  // namespace kist::test
