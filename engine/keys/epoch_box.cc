#include "engine/keys/epoch_box.h"

#include "engine/crypto/hash.h"
#include "engine/crypto/seal.h"
#include "engine/format/slot.h"

namespace kist {

namespace {

constexpr std::size_t box_secret_bytes_max = 256;

}  // namespace

Bytes make_epoch_box(const ObjectOrigin& origin,
                     const SlotId& slot,
                     const BoxPublicKey& recipient,
                     const EpochSecrets& secrets,
                     bool may_read) {
  ByteWriter label;
  label.raw(as_view("kist epoch box"));
  label.id(origin.repository);
  label.u32(origin.epoch_number);
  label.id(origin.epoch);
  label.id(slot);
  const Key ephemeral = hash_keyed(secrets.epoch_secret, label.view());
  ByteWriter payload(box_secret_bytes_max);
  payload.raw(secrets.journal_key.view());
  payload.raw(secrets.index_key.view());
  payload.raw(may_read ? secrets.epoch_secret.view() : Key().view());
  payload.u64(secrets.begun);
  const SecretBytes secret(payload.take());
  return encode_epoch_box({.repository = origin.repository,
                           .epoch_number = origin.epoch_number,
                           .epoch = origin.epoch,
                           .slot = slot,
                           .box = seal_box(recipient, ephemeral, secret.view())});
}

}  // namespace kist
