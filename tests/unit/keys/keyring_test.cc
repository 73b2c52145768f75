// The keys of one slot: its boxes and its grant are opened from either copy, and believed no
// further than the journal's state says.
#include "engine/keys/keyring.h"

#include "engine/crypto/hash.h"
#include "engine/keys/epoch_secrets.h"
#include "engine/keys/grant.h"
#include "engine/rules/state.h"
#include "tests/unit/keys/keys_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

// A slot with a grant and a box of one epoch, and the journal's word on both.
struct KeyringSample {
  KeyringSample() {
    put_grant(&id_key, &chunk_seed);
    put_box(slot.id, slot, origin);
  }

  void put_grant(const Key* id, const Key* seed_of_chunks) {
    const Bytes grant = make_grant(origin, owner.keys.signing_seed, slot.keys.public_keys().box,
                                   {.id_key = id, .chunk_seed = seed_of_chunks}, random);
    for (const std::string& copy : copies_of(grant_path(slot.id))) {
      store.overwrite(copy, grant);
    }
    grant_hash = hash_object(grant);
  }

  // Under the slot's own name, whatever it is.
  void put_box(const SlotId& id, const NumberedSlot& recipient, const ObjectOrigin& made_in) {
    const Bytes box = make_epoch_box(made_in, id, recipient.keys.public_keys().box,
                                     {.parts = parts, .least = 7}, owner_capabilities);
    for (const std::string& copy : copies_of(box_path)) {
      store.overwrite(copy, box);
    }
  }

  std::optional<OpenedEpoch> open_box(const AcceptEpoch& accepts) {
    return keyring.open_epoch(store, 3, origin.epoch, observer, accepts);
  }

  std::optional<OpenedEpoch> open_box() {
    return open_box([](const OpenedEpoch&) { return true; });
  }

  // The state of a journal that has let the slot in with those capabilities.
  [[nodiscard]] State state(Capabilities capabilities) const {
    State out;
    out.genesis.id_key = hash_key(id_key);
    out.genesis.chunk_seed = hash_key(chunk_seed);
    SlotIntroduction& introduction = out.slots[slot.id].introduction;
    introduction.slot = slot.id;
    introduction.capabilities = capabilities;
    introduction.signing_key = slot.keys.public_keys().signing;
    introduction.grant = grant_hash;
    return out;
  }

  MemoryStore store;
  RecordingObserver observer;
  SeededRandom random{seed()};
  NumberedSlot owner{1};
  NumberedSlot slot{2};
  ObjectOrigin origin{keys_repository(), 3, sample_id<EpochId>(60), sample_id<SlotId>(1)};
  std::string box_path = epoch_box_path(3, origin.epoch, slot.id);
  Key id_key = key_of(11);
  Key chunk_seed = key_of(12);
  EpochParts parts{key_of(13), key_of(14), key_of(15), key_of(16)};
  ObjectHash grant_hash;
  Keyring keyring = slot.keyring(sample_id<ObjectHash>(40));
};

}  // namespace

TEST_CASE("a keyring is of the slot that was opened") {
  const KeyringSample sample;
  REQUIRE(sample.keyring.slot() == sample.slot.id);
  REQUIRE(sample.keyring.repository() == keys_repository());
  REQUIRE(sample.keyring.fingerprint() == sample_id<ObjectHash>(40));
  REQUIRE(equal(sample.keyring.signing_seed().view(), sample.slot.keys.signing_seed.view()));
  REQUIRE(equal(sample.keyring.slot_seed().view(), sample.slot.keys.seed.view()));
}

TEST_CASE("a slot's box opens with what it was given, and is entered only when that is said") {
  KeyringSample sample;
  auto opened = sample.open_box();
  REQUIRE(opened);
  REQUIRE(opened->number == 3);
  REQUIRE(opened->least == 7);
  REQUIRE(opened->hash == hash_object(sample.store.objects().at(sample.box_path)));
  REQUIRE(equal(opened->parts.read_part.view(), sample.parts.read_part.view()));
  REQUIRE(sample.keyring.origin().epoch == EpochId());
  sample.keyring.enter(std::move(*opened));
  REQUIRE(sample.keyring.origin().epoch == sample.origin.epoch);
  REQUIRE(sample.keyring.origin().epoch_number == 3);
  REQUIRE(equal(sample.keyring.journal_key().view(), sample.parts.journal_key.view()));
  REQUIRE(equal(sample.keyring.parts().index_part.view(), sample.parts.index_part.view()));
}

TEST_CASE("what opens all that is stored is derived once both shares are there") {
  KeyringSample sample;
  sample.keyring.enter(std::move(*sample.open_box()));
  const Capabilities may = GENERATE(writer_capabilities, auditor_capabilities, reader_capabilities);
  OpenedEpoch opened;
  opened.parts = parts_for(sample.parts, may);
  sample.keyring.enter(std::move(opened));
  EpochShares shares;
  shares.entry.fill(21);
  shares.anchor = key_of(22);
  const EpochBeginning beginning = make_beginning(sample.parts, shares, {}, 7);
  REQUIRE_FALSE(sample.keyring.is_unlocked());
  const bool checks_keys = may != writer_capabilities;
  const auto unlock = [&](const Key& anchor) { sample.keyring.unlock(beginning, anchor); };
  if (checks_keys) REQUIRE(error_code([&] { unlock(key_of(23)); }) == Code::corrupt);
  REQUIRE(sample.keyring.is_unlocked() == false);
  unlock(shares.anchor);
  const EpochSecrets due = derive_epoch_secrets(sample.parts, shares.entry, shares.anchor);
  REQUIRE(equal(sample.keyring.index_key().view(), due.index_key.view()));
  sample.keyring.enter(std::move(*sample.open_box()));
  REQUIRE_FALSE(sample.keyring.is_unlocked());
}

TEST_CASE("no box is no failure, and a box that cannot be used is one") {
  KeyringSample sample;
  const NumberedSlot other(5);
  sample.put_box(other.id, sample.slot, sample.origin);  // says that it is another slot's
  REQUIRE(error_code([&] { sample.open_box(); }) == Code::corrupt);
  sample.put_box(sample.slot.id, other, sample.origin);  // is sealed for another slot
  REQUIRE(error_code([&] { sample.open_box(); }) == Code::corrupt);
  for (const ObjectOrigin& made_in :
       {ObjectOrigin{sample_id<RepositoryId>(9), 3, sample.origin.epoch, {}},
        ObjectOrigin{keys_repository(), 4, sample.origin.epoch, {}},
        ObjectOrigin{keys_repository(), 3, sample_id<EpochId>(61), {}}}) {
    sample.put_box(sample.slot.id, sample.slot, made_in);
    REQUIRE(error_code([&] { sample.open_box(); }) == Code::corrupt);
  }
  for (const std::string& copy : copies_of(sample.box_path)) {
    sample.store.remove(copy);
  }
  REQUIRE_FALSE(sample.open_box());
}

TEST_CASE("a box that is not accepted is as good as damaged: the other copy is opened") {
  KeyringSample sample;
  const ObjectHash good = hash_object(sample.store.objects().at(sample.box_path));
  const auto is_good = [&](const OpenedEpoch& opened) { return opened.hash == good; };
  const EpochParts others{key_of(90), key_of(91), key_of(92), key_of(93)};
  const Bytes other =
      make_epoch_box(sample.origin, sample.slot.id, sample.slot.keys.public_keys().box,
                     {.parts = others, .least = 7}, owner_capabilities);
  sample.store.overwrite(sample.box_path, other);
  const auto opened = sample.open_box(is_good);
  REQUIRE(opened);
  REQUIRE(equal(opened->parts.journal_key.view(), sample.parts.journal_key.view()));
  REQUIRE(sample.observer.notices.size() == 1);
  sample.store.remove(copies_of(sample.box_path).back());
  REQUIRE(error_code([&] { sample.open_box(is_good); }) == Code::corrupt);
}

TEST_CASE("a grant that the journal names, with the keys that it names, is confirmed") {
  KeyringSample sample;
  sample.keyring.open_grant(sample.store, sample.observer);
  for (const Capabilities may : {writer_capabilities, operator_capabilities, owner_capabilities}) {
    REQUIRE(sample.keyring.is_grant_confirmed_by(sample.state(may)));
  }
  sample.put_grant(&sample.id_key, nullptr);
  sample.keyring.open_grant(sample.store, sample.observer);
  REQUIRE(sample.keyring.is_grant_confirmed_by(sample.state(reader_capabilities)));
  sample.put_grant(nullptr, nullptr);
  sample.keyring.open_grant(sample.store, sample.observer);
  REQUIRE(sample.keyring.is_grant_confirmed_by(sample.state(auditor_capabilities)));
}

TEST_CASE("a grant that the journal does not name, or that has other keys, is not confirmed") {
  KeyringSample sample;
  sample.keyring.open_grant(sample.store, sample.observer);
  State state = sample.state(writer_capabilities);
  state.slots.begin()->second.introduction.grant = sample_id<ObjectHash>(1);
  REQUIRE_FALSE(sample.keyring.is_grant_confirmed_by(state));
  state = sample.state(writer_capabilities);
  state.slots.begin()->second.introduction.signing_key = sample_id<SigningPublicKey>(1);
  REQUIRE_FALSE(sample.keyring.is_grant_confirmed_by(state));
  state = sample.state(writer_capabilities);
  state.genesis.id_key = hash_key(key_of(90));
  REQUIRE_FALSE(sample.keyring.is_grant_confirmed_by(state));
  state = sample.state(writer_capabilities);
  state.genesis.chunk_seed = hash_key(key_of(90));
  REQUIRE_FALSE(sample.keyring.is_grant_confirmed_by(state));
}

TEST_CASE("a grant with more keys than the slot may have is not confirmed, nor one with fewer") {
  KeyringSample sample;
  sample.keyring.open_grant(sample.store, sample.observer);
  REQUIRE_FALSE(sample.keyring.is_grant_confirmed_by(sample.state(reader_capabilities)));
  REQUIRE_FALSE(sample.keyring.is_grant_confirmed_by(sample.state(auditor_capabilities)));
  sample.put_grant(&sample.id_key, nullptr);
  sample.keyring.open_grant(sample.store, sample.observer);
  REQUIRE_FALSE(sample.keyring.is_grant_confirmed_by(sample.state(writer_capabilities)));
  REQUIRE_FALSE(sample.keyring.is_grant_confirmed_by(sample.state(auditor_capabilities)));
}

TEST_CASE("a grant is read from either copy, and its absence or damage is told") {
  KeyringSample sample;
  const auto copies = copies_of(grant_path(sample.slot.id));
  const std::size_t sealed_at = sample.store.objects().at(copies.front()).size() / 2;
  flip_stored_bit(sample.store, copies.front(), sealed_at);
  sample.keyring.open_grant(sample.store, sample.observer);
  REQUIRE(sample.observer.notices.size() == 1);
  REQUIRE(sample.keyring.is_grant_confirmed_by(sample.state(writer_capabilities)));
  sample.store.remove(copies.back());
  REQUIRE(error_code([&] { sample.keyring.open_grant(sample.store, sample.observer); }) ==
          Code::corrupt);
  sample.store.remove(copies.front());
  REQUIRE(error_code([&] { sample.keyring.open_grant(sample.store, sample.observer); }) ==
          Code::missing);
}

TEST_CASE("another slot's grant does not open") {
  KeyringSample sample;
  Keyring other = NumberedSlot(5).keyring();
  for (const std::string& copy : copies_of(grant_path(other.slot()))) {
    sample.store.overwrite(copy, sample.store.objects().at(grant_path(sample.slot.id)));
  }
  REQUIRE(error_code([&] { other.open_grant(sample.store, sample.observer); }) == Code::corrupt);
}
