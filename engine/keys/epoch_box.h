// Epoch boxes: the secrets of an epoch, sealed for one slot. docs/format.md, "Epoch boxes".
#pragma once

#include <cstdint>

#include "engine/crypto/secret.h"
#include "engine/keys/sealed_object.h"

namespace kist {

// A slot's epoch box: a function of its arguments alone, so whoever holds `epoch_secret` can remake
// it.
struct EpochSecrets {
  const Key& journal_key;
  const Key& index_key;
  const Key& epoch_secret;
  std::uint64_t begun = 0;  // the sequence of the entry that began the epoch
};

Bytes make_epoch_box(const ObjectOrigin& origin,
                     const SlotId& slot,
                     const BoxPublicKey& recipient,
                     const EpochSecrets& secrets,
                     bool may_read);

}  // namespace kist
