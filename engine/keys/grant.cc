#include "engine/keys/grant.h"

#include "engine/crypto/seal.h"

namespace kist {

namespace {

constexpr std::size_t grant_secret_bytes_max = 256;

}  // namespace

Bytes make_grant(const ObjectOrigin& origin,
                 const Key& signing_seed,
                 const BoxPublicKey& recipient,
                 const GrantSecrets& secrets,
                 Random& random) {
  Key key;
  random.fill(key.mutable_view());
  Key ephemeral;
  random.fill(ephemeral.mutable_view());
  ByteWriter payload(grant_secret_bytes_max);
  payload.raw(secrets.id_key != nullptr ? secrets.id_key->view() : Key().view());
  payload.raw(secrets.chunk_seed != nullptr ? secrets.chunk_seed->view() : Key().view());
  const SecretBytes secret(payload.take());
  return seal_object({.type = ObjectType::grant,
                      .origin = origin,
                      .clear = seal_box(recipient, ephemeral, key.view())},
                     key, signing_seed, random, secret.view());
}

}  // namespace kist
