// Which bytes are the next entry: the six steps of engine/journal/entry_reader.h, each with entries
// made by hand.
#include "engine/journal/entry_reader.h"

#include "tests/unit/journal/journal_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

// The number whose two copies are fought over: the first after the journal's set-up.
constexpr std::uint64_t at = 3;
const std::string first_path = "journal/0000000003";
const std::string second_path = "journal/0000000003.2";

struct Reading {
  Reading() { slot.keys.enter_current(journal.state()); }

  // Entry `at` as its reader chooses it. The reader's state is that before it.
  NextEntry read() { return slot.entries.read_next(journal.states.at(at)); }

  // Whether the next entry says that this one is none of its copies.
  bool is_damaged() {
    const NextEntry next = read();
    return !next.copy && next.is_undecodable && next.damage.starts_with(first_path);
  }

  // The bytes chosen; nothing where there are none.
  std::optional<Bytes> read_bytes() {
    NextEntry next = read();
    if (!next.copy) return std::nullopt;
    return next.copy->bytes;
  }

  // Entry `at`, and one after it that another slot has chained to it.
  Bytes append_two(const NumberedSlot& author, const NumberedSlot& witness) {
    Bytes bytes = journal.append(author);
    journal.append(witness);
    return bytes;
  }

  HandMadeJournal journal;
  UnreadableStore store{journal.store};
  ReadingSlot slot{journal, journal.writer, store};
};

}  // namespace

TEST_CASE("step 1: a first copy that is valid is the entry, and nothing else is read") {
  Reading reading;
  const Bytes bytes = reading.append_two(reading.journal.writer, reading.journal.other);
  const auto next = reading.read();
  REQUIRE(next.copy->bytes == bytes);
  REQUIRE(next.copy->hash == hash_object(bytes));
  REQUIRE(next.copy->author == reading.journal.writer.id);
  REQUIRE(next.copy->entry->sequence == at);
  REQUIRE_FALSE(next.is_undecodable);
  REQUIRE(reading.journal.store.get_count(second_path) == 0);
  REQUIRE(reading.journal.store.get_count(journal_path(at + 1)) == 0);
  REQUIRE(reading.slot.observer.notices.empty());
  REQUIRE(reading.slot.entries.restored().empty());
}

TEST_CASE("step 2: without either copy the journal ends") {
  Reading reading;
  const NextEntry next = reading.read();
  REQUIRE_FALSE(next.copy);
  REQUIRE_FALSE(next.is_undecodable);
}

TEST_CASE("step 2: nothing is concluded from a copy that cannot be read") {
  Reading reading;
  const Bytes bytes = reading.journal.append(reading.journal.writer);
  reading.store.unreadable = {first_path};
  REQUIRE(reading.read_bytes() == bytes);
  REQUIRE(reading.slot.observer.notices.size() == 1);
  reading.store.unreadable = {first_path, second_path};
  REQUIRE(reading.read().is_undecodable);
  reading.journal.place(at, bytes, {});
  REQUIRE(reading.read().is_undecodable);
  // It is not taken for absent either: nothing is put in its place.
  REQUIRE(reading.slot.entries.restored().empty());
}

TEST_CASE("step 3: the entry after it names the second copy, though the first fits the chain") {
  Reading reading;
  const Bytes genuine = reading.append_two(reading.journal.writer, reading.journal.owner);
  JournalEntry forged = reading.journal.next_void(reading.journal.other);
  forged.sequence = at;
  forged.previous = reading.journal.states.at(at).head;
  const Bytes bytes = reading.journal.seal(reading.journal.other, forged);
  reading.journal.place(at, bytes, genuine);
  REQUIRE(reading.read_bytes() == genuine);
  REQUIRE(
      reading.slot.observer.notices ==
      std::vector<std::string>{first_path + " is damaged; its second copy is good and was used"});
  // Without that witness the first copy has won the number, and is void.
  reading.journal.place(at + 1, {}, {});
  REQUIRE(reading.read_bytes() == bytes);
}

TEST_CASE("step 3: where the named bytes are not among the copies, the entry is damaged") {
  Reading reading;
  const Bytes genuine = reading.append_two(reading.journal.writer, reading.journal.owner);
  Bytes damaged = genuine;
  damaged.back() ^= 1U;
  reading.journal.place(at, damaged, damaged);
  REQUIRE(reading.is_damaged());
  reading.journal.place(at, {}, damaged);
  REQUIRE(reading.is_damaged());
  reading.journal.place(at, damaged, genuine);
  REQUIRE(reading.read_bytes() == genuine);
}

TEST_CASE("step 3: a witness that is damaged in one copy testifies by the other") {
  Reading reading;
  const Bytes genuine = reading.append_two(reading.journal.writer, reading.journal.owner);
  const Bytes witness = reading.journal.store.objects().at(journal_path(at + 1));
  reading.journal.place(at + 1, Bytes(300), witness);
  reading.journal.place_junk(at);
  REQUIRE(reading.is_damaged());
}

TEST_CASE("step 3: no slot disowns an entry of its own") {
  Reading reading;
  const JournalEntry entry = reading.journal.next_void(reading.journal.other);
  const Bytes bytes = reading.journal.append(reading.journal.other, entry);
  JournalEntry after = reading.journal.next(reading.journal.other);
  after.previous = sample_id<ObjectHash>(1);
  const Bytes disowning = reading.journal.seal(reading.journal.other, after);
  reading.journal.place(at + 1, disowning, disowning);
  REQUIRE(reading.read_bytes() == bytes);
  // Of another slot the same word counts.
  after.author = reading.journal.owner.id;
  const Bytes witness = reading.journal.seal(reading.journal.owner, after);
  reading.journal.place(at + 1, witness, witness);
  REQUIRE(reading.is_damaged());
}

TEST_CASE("step 3: who is no slot, and who speaks of another number, names nothing") {
  Reading reading;
  const JournalEntry entry = reading.journal.next_void(reading.journal.other);
  const Bytes bytes = reading.journal.append(reading.journal.other, entry);
  JournalEntry after = reading.journal.next(reading.journal.stranger);
  after.previous = sample_id<ObjectHash>(1);
  Bytes word = reading.journal.seal(reading.journal.stranger, after);
  reading.journal.place(at + 1, word, word);
  REQUIRE(reading.read_bytes() == bytes);
  after.author = reading.journal.owner.id;
  after.sequence = at + 2;
  word = reading.journal.seal(reading.journal.owner, after);
  reading.journal.place(at + 1, word, word);
  REQUIRE(reading.read_bytes() == bytes);
}

TEST_CASE("step 3: the head that this machine remembers names the entry") {
  Reading reading;
  const Bytes genuine = reading.journal.append(reading.journal.writer);
  reading.slot.seen = Head{.sequence = at, .hash = hash_object(genuine)};
  const Bytes bytes = reading.journal.seal(reading.journal.other, [&] {
    JournalEntry entry = reading.journal.next_void(reading.journal.other);
    entry.sequence = at;
    return entry;
  }());
  reading.journal.place(at, bytes, genuine);
  REQUIRE(reading.read_bytes() == genuine);
  reading.journal.place(at, bytes, bytes);
  REQUIRE(error_code([&] { reading.read(); }) == Code::corrupt);
  // A head of another number says nothing of this one.
  reading.slot.seen = Head{.sequence = at + 1, .hash = hash_object(genuine)};
  REQUIRE(reading.read_bytes() == bytes);
}

TEST_CASE("step 4: a copy that fits the chain, then one of the number, then a signed one wins") {
  Reading reading;
  JournalEntry entry = reading.journal.next_void(reading.journal.other);
  const Bytes fitting = reading.journal.seal(reading.journal.other, entry);
  entry.previous = sample_id<ObjectHash>(1);
  const Bytes of_number = reading.journal.seal(reading.journal.other, entry);
  entry.sequence = 2;
  const Bytes replayed = reading.journal.seal(reading.journal.other, entry);
  const Bytes junk(300, 0x55);
  const auto wins = [&](const Bytes& winner, const Bytes& loser) {
    reading.journal.place(at, loser, winner);
    const bool as_second = reading.read_bytes() == winner;
    reading.journal.place(at, winner, loser);
    return as_second && reading.read_bytes() == winner;
  };
  REQUIRE(wins(fitting, of_number));
  REQUIRE(wins(fitting, replayed));
  REQUIRE(wins(fitting, junk));
  REQUIRE(wins(of_number, replayed));
  REQUIRE(wins(of_number, junk));
  REQUIRE(wins(replayed, junk));
}

TEST_CASE("step 4: of two copies that both fit, the first has won, though it may be void") {
  Reading reading;
  const Bytes void_bytes =
      reading.journal.seal(reading.journal.other, reading.journal.next_void(reading.journal.other));
  const Bytes valid =
      reading.journal.seal(reading.journal.writer, reading.journal.next(reading.journal.writer));
  reading.journal.place(at, void_bytes, valid);
  REQUIRE(reading.read_bytes() == void_bytes);
  reading.journal.place(at, valid, void_bytes);
  REQUIRE(reading.read_bytes() == valid);
}

TEST_CASE("step 4: an entry that has won another's number is void, for one reason") {
  Reading reading;
  JournalEntry entry = reading.journal.next(reading.journal.writer);
  entry.sequence = 2;
  const Bytes replayed = reading.journal.seal(reading.journal.writer, entry);
  reading.journal.place(at, replayed, replayed);
  const NextEntry next = reading.read();
  REQUIRE_FALSE(next.copy->entry);
  REQUIRE(next.copy->reason == "it is not authentic");
  REQUIRE(next.copy->damage == "it is entry 2");
}

TEST_CASE("step 4: an entry of an epoch that cannot follow is void, for the reason of them all") {
  Reading reading;
  JournalEntry entry = reading.journal.next(reading.journal.writer);
  entry.epoch = sample_id<EpochId>(77);
  entry.epoch_number = 5;
  const Bytes bytes = reading.journal.seal(reading.journal.writer, entry, key_of(77));
  reading.journal.place(at, bytes, bytes);
  const NextEntry next = reading.read();
  REQUIRE_FALSE(next.copy->entry);
  REQUIRE(next.copy->reason == epoch_reason);
}

TEST_CASE("step 5: what nobody of the repository has signed cannot be decoded, and is left") {
  Reading reading;
  const Bytes strangers = reading.journal.seal(reading.journal.stranger,
                                               reading.journal.next(reading.journal.stranger));
  Bytes cut =
      reading.journal.seal(reading.journal.writer, reading.journal.next(reading.journal.writer));
  cut.pop_back();
  for (const Bytes& bytes : {Bytes(300, 0x55), Bytes(1), strangers, cut}) {
    reading.journal.place(at, bytes, bytes);
    const NextEntry next = reading.read();
    REQUIRE_FALSE(next.copy);
    REQUIRE(next.is_undecodable);
  }
}

namespace {

// Two numbers that junk has won, and an entry of that slot after them that accepts such bytes.
void accept_junk(Reading& reading,
                 const NumberedSlot& author,
                 const std::vector<ObjectHash>& accepted) {
  JournalEntry closing = reading.journal.next(
      author, IncidentsClosed{.first = at, .last = at + 1, .note = "junk", .accepted = accepted});
  closing.sequence = at + 2;
  closing.previous = accepted.back();
  const Bytes bytes = reading.journal.seal(author, closing);
  reading.journal.place(at + 2, bytes, bytes);
}

}  // namespace

TEST_CASE("step 5: an owner's later word makes unsigned bytes the entry, and is read once") {
  Reading reading;
  const Bytes junk = reading.journal.place_junk(at);
  const Bytes more_junk = reading.journal.place_junk(at + 1);
  accept_junk(reading, reading.journal.owner, {hash_object(junk), hash_object(more_junk)});
  const NextEntry next = reading.read();
  REQUIRE(next.copy->bytes == junk);
  REQUIRE_FALSE(next.copy->entry);
  REQUIRE(next.copy->reason == "it is not authentic");
  const std::uint64_t reads = reading.journal.store.get_count(journal_path(at + 2));
  State after = reading.journal.states.at(at);
  apply_void(after, next.copy->reason, next.copy->hash);
  REQUIRE(reading.slot.entries.read_next(after).copy->bytes == more_junk);
  // As the witness of the entry before it, no more.
  REQUIRE(reading.journal.store.get_count(journal_path(at + 2)) == reads + 1);
}

TEST_CASE("step 5: only an owner accepts, and only those bytes") {
  Reading reading;
  const Bytes junk = reading.journal.place_junk(at);
  const Bytes more_junk = reading.journal.place_junk(at + 1);
  const std::vector<ObjectHash> both = {hash_object(junk), hash_object(more_junk)};
  accept_junk(reading, reading.journal.writer, both);
  REQUIRE(reading.read().is_undecodable);
  accept_junk(reading, reading.journal.stranger, both);
  REQUIRE(reading.read().is_undecodable);
  accept_junk(reading, reading.journal.owner, {both[1]});
  REQUIRE(reading.read().is_undecodable);
  accept_junk(reading, reading.journal.owner, {both[1], both[0]});
  REQUIRE(reading.read().is_undecodable);
}

TEST_CASE("step 6: a first copy that is missing is put again from the second") {
  Reading reading;
  const Bytes bytes = reading.journal.append(reading.journal.writer);
  reading.journal.place(at, {}, bytes);
  REQUIRE(reading.read_bytes() == bytes);
  REQUIRE(reading.journal.store.objects().at(first_path) == bytes);
  REQUIRE(reading.slot.entries.restored() == std::vector<std::string>{first_path});
  REQUIRE(
      reading.slot.observer.notices ==
      std::vector<std::string>{first_path + " is missing; its second copy is good and was used"});
}

TEST_CASE("step 6: what has come under the first path meanwhile is the entry") {
  // Another client takes the number just before the first copy would be put again.
  class Overtaken final : public ForwardingStore {
   public:
    Overtaken(Store& used, Bytes other) : ForwardingStore(used), other_(std::move(other)) {}

    bool put_if_absent(const std::string& path, View bytes) override {
      ForwardingStore::put(path, other_);
      return ForwardingStore::put_if_absent(path, bytes);
    }

   private:
    Bytes other_;
  };

  HandMadeJournal journal;
  const Bytes winner = journal.seal(journal.other, journal.next(journal.other));
  const Bytes bytes = journal.append(journal.writer);
  journal.place(at, {}, bytes);
  Overtaken store(journal.store, winner);
  ReadingSlot slot(journal, journal.writer, store);
  REQUIRE(slot.entries.read_next(journal.states.at(at)).copy->bytes == winner);
  REQUIRE(slot.entries.restored().empty());
}

TEST_CASE("step 6: on a store that is only read, a second copy alone counts if it is named") {
  HandMadeJournal journal;
  const Bytes bytes = journal.append(journal.writer);
  journal.place(at, {}, bytes);
  ReadOnlyStore store(journal.store);
  ReadingSlot slot(journal, journal.writer, store);
  const auto read = [&] { return slot.entries.read_next(journal.states.at(at)); };
  REQUIRE(read().is_undecodable);
  slot.seen = Head{.sequence = at, .hash = hash_object(bytes)};
  REQUIRE(read().copy->bytes == bytes);
  slot.seen = std::nullopt;
  journal.append(journal.owner);
  REQUIRE(read().copy->bytes == bytes);
  REQUIRE(!journal.store.objects().contains(first_path));
}

TEST_CASE("step 6: the first entry's hash is known to every slot, so nothing is put for it") {
  HandMadeJournal journal;
  const Bytes genesis = journal.store.objects().at(journal_path(0));
  journal.place(0, {}, genesis);
  ReadingSlot slot(journal, journal.writer);
  REQUIRE(slot.entries.read_next(State()).copy->bytes == genesis);
  REQUIRE_FALSE(journal.store.size(journal_path(0)));
}

TEST_CASE("a first entry that another owner has signed is none") {
  HandMadeJournal journal;
  JournalEntry genesis = journal.next(journal.owner, journal.state().genesis);
  genesis.sequence = 0;
  genesis.previous = {};
  const Bytes bytes = journal.seal(journal.owner, genesis);  // other bytes, so another hash
  journal.place(0, bytes, bytes);
  ReadingSlot slot(journal, journal.writer);
  REQUIRE(slot.entries.read_next(State()).is_undecodable);
}
