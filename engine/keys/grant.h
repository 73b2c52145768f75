// Grants: the fixed secrets of a repository, sealed once for one slot. docs/format.md, "Grants".
#pragma once

#include "engine/base/random.h"
#include "engine/crypto/secret.h"
#include "engine/keys/sealed_object.h"

namespace kist {

// A grant for a slot's public key, made by the owner whose signing seed is given.
struct GrantSecrets {
  const Key* id_key;      // null for a slot that neither writes nor reads
  const Key* chunk_seed;  // null for a slot that does not write
};

Bytes make_grant(const ObjectOrigin& origin,
                 const Key& signing_seed,
                 const BoxPublicKey& recipient,
                 const GrantSecrets& secrets,
                 Random& random);

}  // namespace kist
