// Epoch boxes: whoever holds an epoch's secret makes the same box again, byte for byte.
#include "engine/keys/epoch_box.h"

#include "engine/crypto/seal.h"
#include "engine/format/slot.h"
#include "tests/unit/keys/keys_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

struct BoxSample {
  [[nodiscard]] Bytes make(bool may_read = true) const {
    return make_epoch_box(origin, slot.id, slot.keys.public_keys().box,
                          {journal_key, index_key, epoch_secret, begun}, may_read);
  }

  NumberedSlot slot{2};
  ObjectOrigin origin = NumberedSlot(1).origin();
  Key journal_key = key_of(11);
  Key index_key = key_of(12);
  Key epoch_secret = key_of(13);
  std::uint64_t begun = 7;
};

}  // namespace

TEST_CASE("an epoch box is made again from the same secrets, whoever makes it") {
  BoxSample sample;
  const Bytes box = sample.make();
  REQUIRE(sample.make() == box);
  sample.origin.author = sample_id<SlotId>(77);
  REQUIRE(sample.make() == box);
}

TEST_CASE("a box holds the epoch's keys and its beginning, and the secret for readers alone") {
  const BoxSample sample;
  for (const bool may_read : {true, false}) {
    const EpochBox box = decode_epoch_box(sample.make(may_read), "epochs/x");
    REQUIRE(box.repository == keys_repository());
    REQUIRE(box.epoch == sample.origin.epoch);
    REQUIRE(box.slot == sample.slot.id);
    const auto opened = open_box(sample.slot.keys.box_seed, box.box);
    REQUIRE(opened);
    ByteWriter expected;
    expected.raw(sample.journal_key.view());
    expected.raw(sample.index_key.view());
    expected.raw(may_read ? sample.epoch_secret.view() : Key().view());
    expected.u64(7);
    REQUIRE(equal(opened->view(), expected.view()));
    REQUIRE_FALSE(open_box(NumberedSlot(3).keys.box_seed, box.box));
  }
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
  other_secret.epoch_secret = key_of(14);
  for (const BoxSample* other : {&other_slot, &other_epoch, &other_number, &other_secret}) {
    REQUIRE(ephemeral_key(*other) != ephemeral_key(sample));
  }
}
