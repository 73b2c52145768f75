// From one epoch to the next: how a slot that was away comes by the journal keys, and what it does
// not believe on the way.
#include "engine/journal/epoch_keys.h"

#include "tests/unit/journal/journal_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

// The journal of the header's example, with small numbers: the replay stands at entry 4 of the
// first epoch, while the store is in the third.
struct ThreeEpochs {
  ThreeEpochs() {
    journal.append(journal.writer);    // 3
    journal.append(journal.writer);    // 4
    journal.end_epoch(journal.owner);  // 5
    journal.append(journal.other);     // 6
    journal.end_epoch(journal.owner);  // 7
    journal.append(journal.writer);    // 8
  }

  // The key of that entry, as a slot that has replayed all before it finds it.
  const Key* find(std::uint64_t sequence) {
    bytes = journal.store.objects().at(journal_path(sequence));
    const Envelope envelope = decode_entry_envelope(bytes, "wanted", keys_repository());
    return slot.keys.find(journal.states.at(sequence), envelope);
  }

  // The key of an entry that is put nowhere.
  const Key* find(const Bytes& entry, std::uint64_t sequence) {
    return slot.keys.find(journal.states.at(sequence),
                          decode_entry_envelope(entry, "wanted", keys_repository()));
  }

  Code find_code(std::uint64_t sequence) {
    return error_code([&] { find(sequence); });
  }

  HandMadeJournal journal;
  ReadingSlot slot{journal, journal.writer};
  Bytes bytes;
};

bool is_key(const Key* found, const Key& expected) {
  return found != nullptr && equal(found->view(), expected.view());
}

// An entry under a number that is far ahead, and the box that opens it: anybody can put both.
void plant_epoch(HandMadeJournal& journal,
                 const NumberedSlot& slot,
                 std::uint64_t begun,
                 const Act& act) {
  const EpochSample planted(60, 9, begun);
  journal.put_box(planted, slot);
  JournalEntry entry = journal.next(journal.stranger, act);
  entry.sequence = 99;
  entry.epoch = planted.id;
  entry.epoch_number = planted.number;
  const Bytes bytes = journal.seal(journal.stranger, entry, planted.journal_key());
  journal.place(entry.sequence, bytes, bytes);
}

}  // namespace

TEST_CASE("a slot that was away finds the key of an old entry back over three epochs") {
  ThreeEpochs fixture;
  REQUIRE(fixture.slot.keys.find_current(fixture.journal.states.at(4)) == nullptr);
  REQUIRE(is_key(fixture.find(4), fixture.journal.epochs[0].journal_key()));
  REQUIRE(is_key(fixture.slot.keys.find_current(fixture.journal.states.at(4)),
                 fixture.journal.epochs[0].journal_key()));
  // The way back has shown the others: no box is opened for them.
  fixture.journal.remove_box(fixture.journal.epochs[2], fixture.journal.writer);
  REQUIRE(is_key(fixture.find(5), fixture.journal.epochs[1].journal_key()));
  REQUIRE(is_key(fixture.find(6), fixture.journal.epochs[1].journal_key()));
  REQUIRE(is_key(fixture.find(7), fixture.journal.epochs[2].journal_key()));
  REQUIRE(is_key(fixture.find(8), fixture.journal.epochs[2].journal_key()));
}

TEST_CASE("a slot that has replayed nothing finds the first entry's key the same way") {
  ThreeEpochs fixture;
  REQUIRE(is_key(fixture.find(0), fixture.journal.epochs[0].journal_key()));
}

TEST_CASE("the key of the wanted entry's own epoch comes from its box, without a look further") {
  ThreeEpochs fixture;
  const std::uint64_t reads = fixture.journal.store.get_count("journal/");
  REQUIRE(is_key(fixture.find(8), fixture.journal.epochs[2].journal_key()));
  REQUIRE(fixture.journal.store.get_count("journal/") == reads);
}

TEST_CASE("the way back is found over either copy of an entry that began an epoch") {
  ThreeEpochs fixture;
  fixture.journal.store.overwrite(journal_path(7), Bytes(300));
  fixture.journal.store.remove(journal_path(5));
  REQUIRE(is_key(fixture.find(4), fixture.journal.epochs[0].journal_key()));
}

TEST_CASE("the only entry of the newest epoch shows the way by its other copy if one is damaged") {
  HandMadeJournal journal;
  ReadingSlot slot(journal, journal.writer);
  const Bytes wanted = journal.store.objects().at(journal_path(2));
  journal.end_epoch(journal.owner);
  const std::string copy =
      GENERATE(0, 1) == 0 ? journal_path(3) : second_copy_path(journal_path(3));
  Bytes damaged = journal.store.objects().at(copy);
  damaged[damaged.size() / 2] ^= 1;
  journal.store.overwrite(copy, damaged);
  const Key* key =
      slot.keys.find(journal.states.at(2), decode_entry_envelope(wanted, "x", keys_repository()));
  REQUIRE(is_key(key, journal.epochs[0].journal_key()));
}

TEST_CASE("a forged box leads nowhere, and the way back is found all the same") {
  for (const std::uint64_t begun : {7U, 5U, 99U, 1000U}) {
    ThreeEpochs fixture;
    plant_epoch(fixture.journal, fixture.journal.writer, begun, StateRemade{});
    INFO(begun);
    REQUIRE(is_key(fixture.find(4), fixture.journal.epochs[0].journal_key()));
    REQUIRE(fixture.slot.keyring.origin().epoch == EpochId());
  }
}

TEST_CASE("a forged box with a forged beginning of its epoch gives no key") {
  ThreeEpochs fixture;
  EpochEnded act;
  act.former = {.epoch = fixture.journal.epochs[0].id,
                .begun = 0,
                .journal_key = seal_journal_key(key_of(61), key_of(60))};
  plant_epoch(fixture.journal, fixture.journal.writer, 99, act);
  REQUIRE(is_key(fixture.find(4), fixture.journal.epochs[0].journal_key()));
}

TEST_CASE("a box of the newest epoch with other keys is not believed") {
  ThreeEpochs fixture;
  EpochSample forged(60, fixture.journal.epoch().number, fixture.journal.epoch().begun);
  forged.id = fixture.journal.epoch().id;
  fixture.journal.put_box(forged, fixture.journal.writer);
  // Nothing else explains that no box opens: the slot may have been revoked.
  REQUIRE(fixture.find_code(5) == Code::refused);
  REQUIRE(fixture.find_code(4) == Code::refused);
}

TEST_CASE("the way back ends where an entry that began an epoch is not what it should be") {
  ThreeEpochs fixture;
  const Bytes no_beginning = fixture.journal.store.objects().at(journal_path(8));
  fixture.journal.place(7, no_beginning, no_beginning);
  REQUIRE(fixture.find_code(4) == Code::refused);
}

TEST_CASE("an epoch that cannot follow has no key, and nothing is read for it") {
  ThreeEpochs fixture;
  JournalEntry entry = fixture.journal.next(fixture.journal.owner);
  entry.epoch = sample_id<EpochId>(60);
  entry.epoch_number = 9;
  const auto find = [&](const NumberedSlot& author) {
    return fixture.find(fixture.journal.seal(author, entry, key_of(60)), 4);
  };
  REQUIRE(find(fixture.journal.owner) == nullptr);
  entry.epoch_number = 1;
  entry.author = fixture.journal.writer.id;  // may not end an epoch
  REQUIRE(find(fixture.journal.writer) == nullptr);
  entry.author = fixture.journal.owner.id;
  REQUIRE(find(fixture.journal.writer) == nullptr);  // not the owner's signature
  REQUIRE(fixture.journal.store.get_count("") == 0);
}

TEST_CASE("elsewhere: an end of the epoch that another end has overtaken is of no epoch") {
  ThreeEpochs fixture;
  JournalEntry entry = fixture.journal.next(fixture.journal.owner);
  entry.epoch = sample_id<EpochId>(60);
  entry.epoch_number = 1;
  const Bytes overtaken = fixture.journal.seal(fixture.journal.owner, entry, key_of(60));
  REQUIRE(fixture.find(overtaken, 4) == nullptr);
  // While no other end is known, this slot may be the one that was shut out.
  HandMadeJournal young;
  ReadingSlot slot(young, young.writer);
  entry = young.next(young.owner);
  entry.epoch = sample_id<EpochId>(60);
  entry.epoch_number = 1;
  const Bytes bytes = young.seal(young.owner, entry, key_of(60));
  young.place(entry.sequence, bytes, bytes);
  REQUIRE(error_code([&] {
            slot.keys.find(young.state(), decode_entry_envelope(bytes, "x", keys_repository()));
          }) == Code::refused);
}

TEST_CASE("elsewhere: an end that its author may not commit overtakes nothing") {
  HandMadeJournal journal;
  ReadingSlot slot(journal, journal.writer);
  const State before = journal.state();
  journal.end_epoch(journal.other);  // a writer's, and void
  JournalEntry entry = journal.next(journal.owner);
  entry.epoch = sample_id<EpochId>(60);
  entry.epoch_number = 1;
  const Bytes bytes = journal.seal(journal.owner, entry, key_of(60));
  REQUIRE(error_code([&] {
            slot.keys.find(before, decode_entry_envelope(bytes, "x", keys_repository()));
          }) == Code::refused);
}

TEST_CASE("a box that is lost or damaged is told, where no later epoch has begun") {
  const auto text = [](HandMadeJournal& journal) {
    ReadingSlot slot(journal, journal.writer);
    const Bytes bytes = journal.seal(journal.owner, journal.next(journal.owner));
    try {
      slot.keys.find(journal.state(), decode_entry_envelope(bytes, "x", keys_repository()));
    } catch (const Error& error) {
      return std::pair(error.code(), error.text());
    }
    return std::pair(Code::failed, std::string());
  };
  HandMadeJournal journal;
  const std::string path = epoch_box_path(0, journal.epoch().id, journal.writer.id);
  flip_stored_bit(journal.store, path, 70);
  flip_stored_bit(journal.store, second_copy_path(path), 70);
  REQUIRE(text(journal).first == Code::corrupt);
  journal.remove_box(journal.epoch(), journal.writer);
  REQUIRE(text(journal).first == Code::missing);
  REQUIRE(text(journal).second.starts_with(path + " is missing: this slot opens nothing"));
}

TEST_CASE("a slot that an epoch's end has shut out is refused at that entry, and told so") {
  HandMadeJournal journal;
  ReadingSlot slot(journal, journal.writer);
  const State before = journal.state();
  const Bytes bytes = journal.end_epoch(journal.owner, {journal.writer.id});
  try {
    slot.keys.find(before, decode_entry_envelope(bytes, "x", keys_repository()));
    FAIL("nothing was thrown");
  } catch (const Error& error) {
    REQUIRE(error.code() == Code::refused);
    REQUIRE(error.text().starts_with("this slot has no key to the epoch that journal entry 3"));
  }
  REQUIRE(error_code([&] { slot.keys.enter_current(journal.state()); }) == Code::refused);
}

TEST_CASE("a slot enters the epoch that the journal has come to, by the box that it names") {
  ThreeEpochs fixture;
  const State& state = fixture.journal.state();
  fixture.slot.keys.enter_current(state);
  REQUIRE(fixture.slot.keyring.origin().epoch == fixture.journal.epochs[2].id);
  REQUIRE(equal(fixture.slot.keyring.parts().index_part.view(),
                fixture.journal.epochs[2].parts.index_part.view()));
  REQUIRE_FALSE(fixture.slot.keyring.is_unlocked());
  // Once it is in it, the box may be gone.
  fixture.journal.remove_box(fixture.journal.epochs[2], fixture.journal.writer);
  fixture.slot.keys.enter_current(state);
}

TEST_CASE("a slot does not enter an epoch by a box that the journal does not name") {
  ThreeEpochs fixture;
  EpochSample forged(60, fixture.journal.epoch().number, fixture.journal.epoch().begun);
  forged.id = fixture.journal.epoch().id;
  forged.parts.journal_key = fixture.journal.epoch().journal_key().clone();  // all but the others
  fixture.journal.put_box(forged, fixture.journal.writer);
  const auto enter = [&] { fixture.slot.keys.enter_current(fixture.journal.state()); };
  REQUIRE(error_code(enter) == Code::corrupt);
  REQUIRE(fixture.slot.keyring.origin().epoch == EpochId());
}

TEST_CASE("a box that is not there is lost") {
  ThreeEpochs fixture;
  const State& state = fixture.journal.state();
  fixture.journal.remove_box(fixture.journal.epoch(), fixture.journal.writer);
  REQUIRE(error_code([&] { fixture.slot.keys.enter_current(state); }) == Code::missing);
}

TEST_CASE("a slot that the journal never let in enters nothing, and is no failure") {
  HandMadeJournal journal;
  ReadingSlot slot(journal, journal.stranger);
  slot.keys.enter_current(journal.state());
  REQUIRE(slot.keyring.origin().epoch == EpochId());
}

TEST_CASE("a former epoch's journal key opens with the next one's alone") {
  const SealedJournalKey sealed = seal_journal_key(key_of(1), key_of(2));
  REQUIRE(equal(open_journal_key(sealed, key_of(2)).view(), key_of(1).view()));
  REQUIRE(error_code([&] { open_journal_key(sealed, key_of(3)); }) == Code::corrupt);
  SealedJournalKey flipped = sealed;
  flipped[5] ^= 1U;
  REQUIRE(error_code([&] { open_journal_key(flipped, key_of(2)); }) == Code::corrupt);
}
