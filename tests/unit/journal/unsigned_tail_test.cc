// Junk where the journal's next entries would be: only an owner passes over it, and only over what
// no slot has signed.
#include "engine/journal/unsigned_tail.h"

#include "tests/unit/journal/journal_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

struct Tail {
  std::vector<UnsignedEntry> find() { return find_unsigned_tail(client.journal); }

  Code find_code() {
    return error_code([&] { find(); });
  }

  Code accept_code(const std::vector<UnsignedEntry>& tail) {
    return error_code([&] { accept_unsigned_tail(client.journal, tail, "junk"); });
  }

  HandMadeJournal journal;
  UnreadableStore store{journal.store};
  ClientSample client{journal, journal.owner, store};
};

}  // namespace

TEST_CASE("a journal of which every entry can be read has no unsigned tail") {
  Tail tail;
  tail.journal.append(tail.journal.other, tail.journal.next_void(tail.journal.other));
  REQUIRE(tail.find().empty());
}

TEST_CASE("all of an unsigned tail is found, by number, size and hash, to the first free number") {
  Tail tail;
  const Bytes first = tail.journal.place_junk(3);
  const Bytes second(77, 5);
  tail.journal.place(4, {}, second);
  tail.journal.place_junk(6);  // behind a gap
  const std::vector<UnsignedEntry> found = tail.find();
  REQUIRE(found.size() == 2);
  REQUIRE(found[0].sequence == 3);
  REQUIRE(found[0].size == 300);
  REQUIRE(found[0].hash == hash_object(first));
  REQUIRE(found[1].sequence == 4);
  REQUIRE(found[1].size == 77);
  REQUIRE(found[1].hash == hash_object(second));
}

TEST_CASE("what a slot has signed is no junk, in either copy: an entry before it is damaged") {
  for (const bool is_first : {true, false}) {
    Tail tail;
    const Bytes junk = tail.journal.place_junk(3);
    tail.journal.place_junk(4);
    JournalEntry entry = tail.journal.next(tail.journal.other);
    entry.sequence = 5;
    const Bytes bytes = tail.journal.seal(tail.journal.other, entry);
    tail.journal.place(5, is_first ? bytes : junk, is_first ? junk : bytes);
    REQUIRE(tail.find_code() == Code::refused);
  }
}

TEST_CASE("a tail that cannot be read is not passed over") {
  Tail tail;
  tail.journal.place_junk(3);
  tail.journal.place_junk(4);
  tail.store.unreadable = {"journal/0000000004.2"};
  REQUIRE(tail.find_code() == Code::refused);
}

TEST_CASE("an accepted tail is void for every client, stored twice, and its incidents are closed") {
  Tail tail;
  const Bytes junk = tail.journal.place_junk(3);
  const Bytes other_junk(77, 5);
  tail.journal.place(4, other_junk, {});
  const auto found = tail.find();
  REQUIRE(accept_unsigned_tail(tail.client.journal, found, "a broken client") == 5);
  REQUIRE(tail.journal.store.objects().at("journal/0000000004.2") == other_junk);
  REQUIRE(tail.find().empty());
  const State& state = tail.client.journal.state();
  REQUIRE(state.next_sequence == 6);
  REQUIRE(state.incidents.size() == 1);
  REQUIRE(state.incidents.front().count == 2);
  REQUIRE(state.open_incidents().empty());
  ClientSample fresh(tail.journal, tail.journal.other);
  fresh.journal.replay();
  REQUIRE(fresh.journal.state() == state);
  fresh.commit();
}

TEST_CASE("a tail that is not what it was when it was found is not accepted") {
  Tail tail;
  tail.journal.place_junk(3);
  const auto found = tail.find();
  const auto before = tail.journal.store.objects();
  tail.journal.place_junk(3);
  REQUIRE(tail.accept_code(found) == Code::conflict);
  tail.journal.place(3, {}, {});
  REQUIRE(tail.accept_code(found) == Code::conflict);
  REQUIRE(tail.journal.store.objects().size() == before.size() - 2);
}

TEST_CASE("a tail after which another entry has come meanwhile is not accepted") {
  Tail tail;
  const Bytes junk = tail.journal.place_junk(3);
  const auto found = tail.find();
  JournalEntry entry = tail.journal.next(tail.journal.other);
  entry.sequence = 4;
  entry.previous = hash_object(junk);
  const Bytes bytes = tail.journal.seal(tail.journal.other, entry);
  tail.journal.place(4, bytes, bytes);
  REQUIRE(tail.accept_code(found) == Code::conflict);
  tail.client.journal.replay();
  REQUIRE(tail.client.journal.state().next_sequence == 5);
  REQUIRE(tail.accept_code(found) == Code::conflict);
}

TEST_CASE("a slot that is no owner passes over nothing") {
  Tail tail;
  tail.journal.place_junk(3);
  ClientSample writer(tail.journal, tail.journal.writer);
  const auto found = find_unsigned_tail(writer.journal);
  REQUIRE(error_code([&] { accept_unsigned_tail(writer.journal, found, "junk"); }) ==
          Code::refused);
  REQUIRE_FALSE(has_copy(tail.journal.store, journal_path(4)));
}
