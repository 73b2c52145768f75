#include "engine/keys/epoch_secrets.h"

#include "engine/crypto/hash.h"
#include "engine/crypto/seal.h"
#include "engine/format/slot.h"

namespace kist {

namespace {

constexpr std::size_t box_secret_bytes_max = 256;

// Zero where the part is: a slot that lacks it derives nothing from it.
Key derive(const Key& part, std::string_view use, const KeyBytes& share, const Key& anchor_share) {
  if (part.is_zero()) return {};
  ByteWriter label(use.size() + share.size() + Key::size);  // growing would leave the share behind
  label.raw(as_view(use));
  label.raw(share);
  label.raw(anchor_share.view());
  const SecretBytes input(label.take());
  return hash_keyed(part, input.view());
}

}  // namespace

EpochParts EpochParts::clone() const {
  return {journal_key.clone(), index_part.clone(), audit_part.clone(), read_part.clone()};
}

EpochParts draw_epoch_parts(Random& random) {
  EpochParts out;
  for (Key* key : {&out.journal_key, &out.index_part, &out.audit_part, &out.read_part}) {
    random.fill(key->mutable_view());
  }
  return out;
}

EpochShares draw_epoch_shares(Random& random) {
  EpochShares out;
  random.fill(out.entry);
  random.fill(out.anchor.mutable_view());
  return out;
}

EpochSecrets derive_epoch_secrets(const EpochParts& parts,
                                  const KeyBytes& share,
                                  const Key& anchor_share) {
  return {.index_key = derive(parts.index_part, "kist index", share, anchor_share),
          .audit_secret = derive(parts.audit_part, "kist audit", share, anchor_share),
          .read_secret = derive(parts.read_part, "kist epoch", share, anchor_share)};
}

EpochParts parts_for(const EpochParts& parts, Capabilities capabilities) {
  EpochParts out = parts.clone();
  if ((capabilities & (can_read | can_audit)) == 0) out.audit_part = Key();
  if ((capabilities & can_read) == 0) out.read_part = Key();
  return out;
}

Bytes make_epoch_box(const ObjectOrigin& origin,
                     const SlotId& slot,
                     const BoxPublicKey& recipient,
                     const BoxedEpoch& epoch,
                     Capabilities capabilities) {
  ByteWriter label;
  label.raw(as_view("kist epoch box"));
  label.id(origin.repository);
  label.u32(origin.epoch_number);
  label.id(origin.epoch);
  label.id(slot);
  const Key ephemeral = hash_keyed(epoch.parts.read_part, label.view());
  const EpochParts parts = parts_for(epoch.parts, capabilities);
  ByteWriter payload(box_secret_bytes_max);
  for (const Key* key :
       {&parts.journal_key, &parts.index_part, &parts.audit_part, &parts.read_part}) {
    payload.raw(key->view());
  }
  payload.u64(epoch.least);
  const SecretBytes secret(payload.take());
  return encode_epoch_box({.repository = origin.repository,
                           .epoch_number = origin.epoch_number,
                           .epoch = origin.epoch,
                           .slot = slot,
                           .box = seal_box(recipient, ephemeral, secret.view())});
}

Bytes make_anchor(const ObjectOrigin& origin, const Key& anchor_share) {
  KeyBytes share;
  std::ranges::copy(anchor_share.view(), share.begin());
  return encode_anchor({.repository = origin.repository,
                        .epoch_number = origin.epoch_number,
                        .epoch = origin.epoch,
                        .share = share});
}

EpochBeginning make_beginning(const EpochParts& parts,
                              const EpochShares& shares,
                              const ObjectHash& anchor,
                              std::uint64_t least) {
  const EpochSecrets secrets = derive_epoch_secrets(parts, shares.entry, shares.anchor);
  return {.least = least,
          .share = shares.entry,
          .anchor = anchor,
          .epoch_key = box_public_key(secrets.read_secret),
          .audit_key = box_public_key(secrets.audit_secret)};
}

}  // namespace kist
