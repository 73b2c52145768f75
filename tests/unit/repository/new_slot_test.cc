// What a new slot is given: the secrets that its capabilities ask for, and no others.
#include "engine/repository/new_slot.h"

#include "engine/crypto/hash.h"
#include "engine/crypto/seal.h"
#include "engine/format/names.h"
#include "engine/keys/sealed_object.h"
#include "engine/store/twins.h"
#include "tests/support/memory_store.h"
#include "tests/support/samples.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

Key key_of(std::uint8_t fill) {
  return Key::from(Bytes(Key::size, fill));
}

// A slot of some capabilities, with what was put for it.
struct PutSlot {
  explicit PutSlot(Capabilities capabilities) {
    owner.signing_seed = key_of(10);
    owner.id_key = key_of(11);
    owner.chunk_seed = key_of(12);
    owner.parts = {key_of(13), key_of(14), key_of(15), key_of(16)};
    slot.slot = sample_id<SlotId>(20);
    slot.keys = keys.public_keys();
    slot.kind = SlotKind::key_file;
    slot.name = "laptop";
    slot.capabilities = capabilities;
    slot.epoch_least = 5;
    const NewSlotObjects made = make_grant_and_box(origin, owner, slot, random);
    put_twinned(store, made.grant.path, made.grant.bytes);
    put_twinned(store, made.box.path, made.box.bytes);
    introduction = made.introduction;
  }

  // What the slot's own secret opens of its grant: the id key, then the chunk seed.
  [[nodiscard]] Bytes granted() const {
    const Bytes bytes = store.objects().at(grant_path(slot.slot));
    const Envelope grant = decode_envelope(bytes, "grant");
    const auto key = open_box(keys.box_seed, grant.clear);
    REQUIRE(key);
    const SecretBytes plain = open_envelope(grant, "grant", Key::from(key->view()));
    return {plain.view().begin(), plain.view().end()};
  }

  // And of its epoch box: the journal key, the three parts, and a number.
  [[nodiscard]] Bytes boxed() const {
    const std::string name = epoch_box_path(origin.epoch_number, origin.epoch, slot.slot);
    const auto plain =
        open_box(keys.box_seed, decode_epoch_box(store.objects().at(name), name).box);
    REQUIRE(plain);
    return {plain->view().begin(), plain->view().end()};
  }

  MemoryStore store;
  SeededRandom random{seed()};
  ObjectOrigin origin{.repository = sample_id<RepositoryId>(1),
                      .epoch_number = 2,
                      .epoch = sample_id<EpochId>(3),
                      .author = sample_id<SlotId>(4)};
  SlotKeys keys{key_of(9)};
  Secrets owner;
  NewSlot slot;
  SlotIntroduction introduction;
};

// Whether the key of that place in a payload is the one filled with `fill`; if not, it is zeros.
bool holds_key(const Bytes& payload, std::size_t place, std::uint8_t fill) {
  const View key = View(payload).subspan(place * Key::size, Key::size);
  const bool is_it = equal(key, key_of(fill).view());
  REQUIRE((is_it || equal(key, Key().view())));
  return is_it;
}

}  // namespace

TEST_CASE("a new slot is given the keys that its capabilities ask for, and zeros for the others") {
  const Capabilities capabilities =
      GENERATE(writer_capabilities, reader_capabilities, auditor_capabilities, owner_capabilities);
  const PutSlot put(capabilities);
  const bool writes = put.slot.may(can_write);
  const bool reads = put.slot.may(can_read);
  REQUIRE(holds_key(put.granted(), 0, 11) == (writes || reads));
  REQUIRE(holds_key(put.granted(), 1, 12) == writes);
  REQUIRE(holds_key(put.boxed(), 0, 13));
  REQUIRE(holds_key(put.boxed(), 1, 14));
  REQUIRE(holds_key(put.boxed(), 2, 15) == (reads || put.slot.may(can_audit)));
  REQUIRE(holds_key(put.boxed(), 3, 16) == reads);
}

TEST_CASE(
    "a slot's grant and box stand in both copies under the hashes that the journal will name") {
  const PutSlot put(writer_capabilities);
  REQUIRE(put.store.objects().size() == 4);
  for (const std::string& copy : copies_of(grant_path(put.slot.slot))) {
    REQUIRE(hash_object(put.store.objects().at(copy)) == put.introduction.grant);
  }
  for (const std::string& copy :
       copies_of(epoch_box_path(put.origin.epoch_number, put.origin.epoch, put.slot.slot))) {
    REQUIRE(hash_object(put.store.objects().at(copy)) == put.introduction.epoch_box);
  }
  REQUIRE(put.introduction.slot == put.slot.slot);
  REQUIRE(put.introduction.capabilities == writer_capabilities);
  REQUIRE(put.introduction.name == "laptop");
  REQUIRE(put.introduction.slot_object == ObjectHash{});  // its holder or the caller makes it
}

TEST_CASE("whoever holds the epoch's secrets makes the same box of a slot again") {
  PutSlot put(reader_capabilities);
  const NewSlotObjects again = make_grant_and_box(put.origin, put.owner, put.slot, put.random);
  REQUIRE(again.introduction.epoch_box == put.introduction.epoch_box);
}
