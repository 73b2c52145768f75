// Epoch boxes: whoever holds an epoch's secret makes the same box again, byte for byte.
#include "engine/keys/epoch_secrets.h"

#include "engine/crypto/hash.h"
#include "engine/crypto/seal.h"
#include "engine/format/slot.h"
#include "tests/unit/keys/keys_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

struct BoxSample {
  [[nodiscard]] Bytes make(Capabilities capabilities = owner_capabilities) const {
    return make_epoch_box(origin, slot.id, slot.keys.public_keys().box,
                          {.parts = parts, .least = 7}, capabilities);
  }

  NumberedSlot slot{2};
  ObjectOrigin origin = NumberedSlot(1).origin();
  EpochParts parts{key_of(11), key_of(12), key_of(13), key_of(14)};
};

EpochShares sample_shares() {
  EpochShares out;
  out.entry.fill(21);
  out.anchor = key_of(22);
  return out;
}

}  // namespace

TEST_CASE("an epoch box is made again from the same secrets, whoever makes it") {
  BoxSample sample;
  const Bytes box = sample.make();
  REQUIRE(sample.make() == box);
  sample.origin.author = sample_id<SlotId>(77);
  REQUIRE(sample.make() == box);
}

TEST_CASE("a box holds the parts that its slot may have, zeros for others, and a number") {
  const BoxSample sample;
  for (const Capabilities may : {writer_capabilities, auditor_capabilities, reader_capabilities}) {
    const EpochBox box = decode_epoch_box(sample.make(may), "epochs/x");
    REQUIRE(box.repository == keys_repository());
    REQUIRE(box.epoch == sample.origin.epoch);
    REQUIRE(box.slot == sample.slot.id);
    const auto opened = open_box(sample.slot.keys.box_seed, box.box);
    REQUIRE(opened);
    ByteWriter expected;
    expected.raw(sample.parts.journal_key.view());
    expected.raw(sample.parts.index_part.view());
    expected.raw(may == writer_capabilities ? Key().view() : sample.parts.audit_part.view());
    expected.raw(may == reader_capabilities ? sample.parts.read_part.view() : Key().view());
    expected.u64(7);
    REQUIRE(equal(opened->view(), expected.view()));
    REQUIRE_FALSE(open_box(NumberedSlot(3).keys.box_seed, box.box));
  }
}

TEST_CASE("each secret of an epoch takes its part and both shares") {
  const BoxSample sample;
  const EpochShares shares = sample_shares();
  const EpochSecrets all = derive_epoch_secrets(sample.parts, shares.entry, shares.anchor);
  const auto is_same = [](const Key& a, const Key& b) { return equal(a.view(), b.view()); };
  REQUIRE_FALSE(is_same(all.index_key, all.audit_secret));
  REQUIRE_FALSE(is_same(all.index_key, all.read_secret));
  REQUIRE_FALSE(is_same(all.audit_secret, all.read_secret));
  KeyBytes other_entry = shares.entry;
  other_entry.back() ^= 1;
  for (const EpochSecrets& other :
       {derive_epoch_secrets(sample.parts, other_entry, shares.anchor),
        derive_epoch_secrets(sample.parts, shares.entry, key_of(23)),
        derive_epoch_secrets({key_of(11), key_of(92), key_of(93), key_of(94)}, shares.entry,
                             shares.anchor)}) {
    REQUIRE_FALSE(is_same(other.index_key, all.index_key));
    REQUIRE_FALSE(is_same(other.audit_secret, all.audit_secret));
    REQUIRE_FALSE(is_same(other.read_secret, all.read_secret));
  }
  // Who lacks a part derives nothing from it.
  const EpochSecrets writers = derive_epoch_secrets(parts_for(sample.parts, writer_capabilities),
                                                    shares.entry, shares.anchor);
  REQUIRE(is_same(writers.index_key, all.index_key));
  REQUIRE(writers.audit_secret.is_zero());
  REQUIRE(writers.read_secret.is_zero());
}

TEST_CASE("what begins an epoch names its anchor and its public keys, and none of its secrets") {
  const BoxSample sample;
  const EpochShares shares = sample_shares();
  const EpochSecrets secrets = derive_epoch_secrets(sample.parts, shares.entry, shares.anchor);
  const Bytes anchor = make_anchor(sample.origin, shares.anchor);
  REQUIRE(anchor.size() == anchor_size);
  REQUIRE(equal(decode_anchor(anchor, "anchor").share, shares.anchor.view()));
  const EpochBeginning beginning = make_beginning(sample.parts, shares, hash_object(anchor), 7);
  REQUIRE(beginning.least == 7);
  REQUIRE(beginning.share == shares.entry);
  REQUIRE(beginning.anchor == hash_object(anchor));
  REQUIRE(beginning.epoch_key == box_public_key(secrets.read_secret));
  REQUIRE(beginning.audit_key == box_public_key(secrets.audit_secret));
}

TEST_CASE("no two boxes are sealed with one ephemeral key") {
  const auto ephemeral_key = [](const BoxSample& sample) {
    const Bytes box = decode_epoch_box(sample.make(), "epochs/x").box;
    return Bytes(box.begin(), box.begin() + BoxPublicKey::size);
  };
  const BoxSample sample;
  BoxSample other_slot;
  other_slot.slot = NumberedSlot(3);
  BoxSample other_epoch;
  other_epoch.origin.epoch = sample_id<EpochId>(100);
  BoxSample other_number;
  other_number.origin.epoch_number = 1;
  BoxSample other_secret;
  other_secret.parts.read_part = key_of(15);
  for (const BoxSample* other : {&other_slot, &other_epoch, &other_number, &other_secret}) {
    REQUIRE(ephemeral_key(*other) != ephemeral_key(sample));
  }
}
