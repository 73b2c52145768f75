// Slot objects: the secret of a slot, wrapped under a credential. They are the way in: a credential
// opens the slot object, and the slot's secret yields the keys that open its grant and its epoch
// boxes. docs/format.md, "Slots".
#pragma once

#include <cstdint>
#include <optional>

#include "engine/base/random.h"
#include "engine/crypto/kdf.h"
#include "engine/crypto/secret.h"
#include "engine/keys/key_file.h"
#include "engine/keys/sealed_object.h"
#include "engine/keys/slot_search.h"
#include "engine/store/store.h"

namespace kist {

// The public half of a slot, as the journal has it.
struct SlotPublicKeys {
  SigningPublicKey signing;
  BoxPublicKey box;
  bool operator==(const SlotPublicKeys&) const = default;
};

// All that stands or falls with one slot.
struct SlotKeys {
  explicit SlotKeys(const Key& slot_seed);
  Key seed;
  Key signing_seed;
  Key box_seed;

  [[nodiscard]] SlotPublicKeys public_keys() const;
};

// A slot that a credential has opened.
struct OpenedSlot {
  SlotId slot;
  std::uint32_t generation = 1;  // 0: a recipient that has not been accepted
  ObjectHash fingerprint;        // of the repository that it opens
  Key seed;
};

// A slot object: the secret wrapped under a credential.
struct Wrapping {
  const Credential& credential;
  Argon2Cost cost;
  std::uint32_t generation = 1;
  ObjectHash fingerprint;
};

Bytes make_slot_object(const ObjectOrigin& origin,
                       const SlotKeys& keys,
                       const Wrapping& wrapping,
                       Random& random);

// Tries the slots that this kind of credential can open, as far as their cost allows. The first is
// tried whatever it asks for, within the bounds of one slot; the others as long as all together ask
// for no more than 64 slots of default cost. Error{wrong_secret} when all were tried and none
// opens, Error{refused} when some were not tried, Error{corrupt} when what might have opened is
// damaged.
OpenedSlot open_slot(StoreReader& store,
                     const RepositoryId& repository,
                     const Credential& credential,
                     const SlotChoice& choice);

}  // namespace kist
