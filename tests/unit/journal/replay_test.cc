// Following the journal: what was replayed is what everybody has, and a history that is not the one
// this machine has seen is told for what it is.
#include "engine/journal/journal.h"
#include "tests/unit/journal/journal_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

struct Replaying {
  [[nodiscard]] Code replay_code() {
    return error_code([&] { client.journal.replay(); });
  }

  // The same on a machine that has only the record of the last head left.
  [[nodiscard]] Code replay_code_without_catalog() {
    client.local.reset_catalog();
    return replay_code();
  }

  // A well-signed entry behind missing ones.
  void place_beyond(std::uint64_t sequence) {
    JournalEntry entry = journal.next(journal.other);
    entry.sequence = sequence;
    const Bytes bytes = journal.seal(journal.other, entry);
    journal.place(sequence, bytes, bytes);
  }

  HandMadeJournal journal;
  ClientSample client{journal, journal.writer};
};

}  // namespace

TEST_CASE("a replay comes to the state that the entries give, at once or bit by bit") {
  Replaying fixture;
  REQUIRE(fixture.client.journal.replay().is_readable());
  fixture.journal.append(fixture.journal.other);
  fixture.journal.append(fixture.journal.other, fixture.journal.next_void(fixture.journal.other));
  fixture.client.journal.replay();
  fixture.journal.append(fixture.journal.owner);
  fixture.client.journal.replay();
  REQUIRE(fixture.client.journal.state() == fixture.journal.state());
  ClientSample fresh(fixture.journal, fixture.journal.other);
  fresh.journal.replay();
  REQUIRE(fresh.journal.state() == fixture.journal.state());
}

TEST_CASE("a replay over the ends of epochs comes to the newest, and so does a machine of old") {
  Replaying fixture;
  fixture.client.journal.replay();
  fixture.journal.append(fixture.journal.other);
  fixture.journal.end_epoch(fixture.journal.owner);
  fixture.journal.append(fixture.journal.other);
  fixture.journal.end_epoch(fixture.journal.owner);
  ClientSample fresh(fixture.journal, fixture.journal.other);
  for (ClientSample* client : {&fixture.client, &fresh}) {
    client->journal.replay();
    REQUIRE(client->journal.state() == fixture.journal.state());
    REQUIRE(client->keyring.origin().epoch == fixture.journal.epoch().id);
    REQUIRE(equal(client->journal.index_key().view(),
                  fixture.journal.epoch().secrets().index_key.view()));
  }
}

TEST_CASE("the journal is not listed to catch up, and entries are read once") {
  Replaying fixture;
  fixture.client.journal.replay();
  fixture.journal.append(fixture.journal.other);
  const std::uint64_t genesis_reads = fixture.journal.store.get_count(journal_path(0));
  fixture.client.journal.replay();
  REQUIRE(fixture.journal.store.get_count(journal_path(0)) == genesis_reads);
  REQUIRE(fixture.journal.store.get_count(journal_path(3)) == 1);
}

TEST_CASE("a missing number is not taken for the end, whether a machine has seen it or not") {
  Replaying fixture;
  fixture.client.journal.replay();
  const State before = fixture.client.journal.state();
  fixture.journal.append(fixture.journal.other);
  const Bytes missing = fixture.journal.store.objects().at(journal_path(3));
  fixture.journal.append(fixture.journal.other);
  fixture.journal.place(3, {}, {});
  ClientSample fresh(fixture.journal, fixture.journal.other);
  for (ClientSample* client : {&fixture.client, &fresh}) {
    const auto broken = client->journal.replay().broken;
    REQUIRE(broken);
    REQUIRE(broken->kind == JournalBreak::Kind::hole);
    REQUIRE(broken->sequence == 3);
    REQUIRE(client->journal.state() == before);  // what is before it can be used
    REQUIRE(error_code([&] { client->journal.replay_readable(); }) == Code::corrupt);
    REQUIRE(error_code([&] { client->commit(); }) == Code::corrupt);
    REQUIRE_FALSE(has_copy(fixture.journal.store, journal_path(3)));
    REQUIRE(client->observer.notices.size() == 1);  // however often it is met
  }
  // Once it is restored, either goes on.
  fixture.journal.place(3, {}, missing);
  fixture.client.journal.replay();
  fresh.journal.replay();
  REQUIRE(fixture.client.journal.state() == fixture.journal.state());
  REQUIRE(fresh.journal.state() == fixture.journal.state());
  REQUIRE_NOTHROW(fresh.commit());
}

TEST_CASE("many missing numbers are noticed by who replays all, and by powers of two after that") {
  for (const std::uint64_t distance : {1U, 2U, 64U, 1024U}) {
    Replaying fixture;
    fixture.client.journal.replay();
    fixture.place_beyond(3 + distance);
    INFO(distance);
    REQUIRE(fixture.client.journal.replay().broken);
  }
  Replaying fixture;
  fixture.place_beyond(3 + 777);
  REQUIRE(fixture.client.journal.replay().broken);
  REQUIRE(fixture.client.journal.replay().broken);  // and it is not forgotten
}

TEST_CASE("what no slot has signed shows no missing number, on a fresh machine or another") {
  for (const std::uint64_t distance : {1U, 2U, 64U, 777U, 9'000'000U}) {
    Replaying fixture;
    fixture.client.journal.replay();
    fixture.journal.place_junk(3 + distance);
    ClientSample fresh(fixture.journal, fixture.journal.other);
    INFO(distance);
    for (ClientSample* client : {&fixture.client, &fresh}) {
      REQUIRE(client->journal.replay().is_readable());
    }
    REQUIRE(fresh.observer.notices.size() == 1);  // it has looked, and says what it has seen
    fresh.commit();
    if (distance > 1) fixture.client.commit();  // the junk would be in the next entry's place
  }
}

TEST_CASE(
    "a machine that remembers a later head reads up to a hole, and takes it for no rollback") {
  Replaying fixture;
  fixture.journal.append(fixture.journal.other);
  fixture.journal.append(fixture.journal.other);
  fixture.client.journal.replay();
  const Bytes missing = fixture.journal.store.objects().at(journal_path(3));
  fixture.journal.place(3, {}, {});
  fixture.client.local.reset_catalog();
  for (int round = 0; round < 2; ++round) {
    REQUIRE(fixture.client.journal.replay().broken->kind == JournalBreak::Kind::hole);
    REQUIRE(fixture.client.journal.state().next_sequence == 3);
  }
  REQUIRE(fixture.client.local.last_head()->sequence == 4);
  fixture.journal.place(3, missing, {});
  REQUIRE(fixture.client.journal.replay().is_readable());
  REQUIRE(fixture.client.journal.state() == fixture.journal.state());
}

TEST_CASE("an entry damaged in both copies stops commits, and reading up to it goes on") {
  Replaying fixture;
  const Bytes genuine = fixture.journal.append(fixture.journal.other);
  fixture.journal.append(fixture.journal.owner);
  fixture.journal.place_junk(3);
  ClientSample fresh(fixture.journal, fixture.journal.writer);
  REQUIRE(fresh.journal.replay().broken->kind == JournalBreak::Kind::damage);
  REQUIRE(fresh.journal.state().next_sequence == 3);
  REQUIRE(error_code([&] { fresh.commit(); }) == Code::corrupt);
  fixture.journal.place(3, genuine, genuine);
  fresh.commit();
}

TEST_CASE("where an epoch has ended behind a hole, the hole is named, not the box that is gone") {
  Replaying fixture;
  fixture.journal.append(fixture.journal.other);
  fixture.journal.end_epoch(fixture.journal.owner);
  fixture.journal.place(3, {}, {});
  ClientSample fresh(fixture.journal, fixture.journal.writer);
  std::string text;
  try {
    fresh.journal.replay();
  } catch (const Error& error) {
    text = error.text();
  }
  INFO(text);
  REQUIRE(text.find("lacks entry 3") != std::string::npos);
}

TEST_CASE("a journal that was rolled back is told, by the catalog and by the record of its head") {
  Replaying fixture;
  fixture.journal.append(fixture.journal.other);
  fixture.client.journal.replay();
  fixture.journal.place(3, {}, {});
  REQUIRE(fixture.replay_code() == Code::corrupt);
  REQUIRE(fixture.replay_code_without_catalog() == Code::corrupt);
}

TEST_CASE("a journal that was forked is told, by the catalog and by the record of its head") {
  Replaying fixture;
  const Bytes fork =
      fixture.journal.seal(fixture.journal.other, fixture.journal.next(fixture.journal.other));
  fixture.journal.append(fixture.journal.other);
  fixture.client.journal.replay();
  fixture.journal.place(3, fork, fork);
  REQUIRE(fixture.replay_code() == Code::corrupt);
  REQUIRE(fixture.replay_code_without_catalog() == Code::corrupt);
  ClientSample unknowing(fixture.journal, fixture.journal.other);
  REQUIRE_NOTHROW(unknowing.journal.replay());
}

TEST_CASE("a journal that begins with another repository's entry is told") {
  Replaying fixture;
  JournalEntry genesis =
      fixture.journal.next(fixture.journal.owner, fixture.journal.state().genesis);
  genesis.sequence = 0;
  genesis.previous = {};
  const Bytes bytes = fixture.journal.seal(fixture.journal.owner, genesis);
  fixture.journal.place(0, bytes, bytes);
  REQUIRE(fixture.replay_code() == Code::corrupt);
  fixture.journal.place(0, {}, {});
  REQUIRE(fixture.replay_code() == Code::corrupt);
}

TEST_CASE("a catalog of another repository is told") {
  Replaying fixture;
  fixture.client.journal.replay();
  Keyring other_keyring = fixture.journal.writer.keyring(sample_id<ObjectHash>(1));
  Journal other(fixture.journal.store, other_keyring, fixture.client.local,
                {fixture.client.clock, fixture.client.random, fixture.client.observer});
  REQUIRE(error_code([&] { other.replay(); }) == Code::corrupt);
}

TEST_CASE("a void entry changes nothing but the number, and is told") {
  Replaying fixture;
  const Bytes bytes = fixture.journal.append(fixture.journal.other,
                                             fixture.journal.next_void(fixture.journal.other));
  fixture.client.journal.replay();
  const State& state = fixture.client.journal.state();
  REQUIRE(state.next_sequence == 4);
  REQUIRE(state.head == hash_object(bytes));
  REQUIRE(state.incidents.size() == 1);
  REQUIRE(state.incidents.front().reason == "a generation that is not newer");
  REQUIRE(fixture.client.observer.notices ==
          std::vector<std::string>{"journal entry 3 is void and changes nothing: a generation "
                                   "that is not newer"});
}

TEST_CASE("what cannot be read after the last entry does not keep the others from being used") {
  Replaying fixture;
  fixture.journal.place_junk(3);
  REQUIRE_FALSE(fixture.client.journal.replay().is_readable());
  REQUIRE(fixture.client.journal.state() == fixture.journal.state());
  REQUIRE(error_code([&] { fixture.client.journal.replay_readable(); }) == Code::corrupt);
}

TEST_CASE("a replay says which first copies it has put again") {
  Replaying fixture;
  const Bytes bytes = fixture.journal.append(fixture.journal.other);
  fixture.journal.place(3, {}, bytes);
  const std::vector<std::string> one{journal_path(3)};
  fixture.client.journal.replay();
  REQUIRE(fixture.client.journal.restored() == one);
  fixture.client.journal.replay();  // puts none again, and forgets none
  REQUIRE(fixture.client.journal.restored() == one);
}

namespace {

// Makes no entry durable.
class UnconfirmedStore final : public ForwardingStore {
 public:
  UnconfirmedStore(Store& store, Code code) : ForwardingStore(store), code_(code) {}

  void confirm(const std::string& path) override {
    throw Error(code_, concat(path, " is not durable"));
  }

 private:
  Code code_;
};

}  // namespace

TEST_CASE("a head is remembered once it is durable, and the replay does not fail for that") {
  HandMadeJournal journal;
  UnconfirmedStore store(journal.store, Code::failed);
  ClientSample client(journal, journal.writer, store);
  client.journal.replay();
  REQUIRE(client.journal.state() == journal.state());
  REQUIRE_FALSE(client.local.last_head());
  REQUIRE(client.observer.notices.size() == 1);
  ClientSample other(journal, journal.writer);
  other.journal.replay();
  REQUIRE(other.local.last_head() == other.journal.head());
  UnconfirmedStore broken(journal.store, Code::corrupt);
  ClientSample third(journal, journal.writer, broken);
  REQUIRE(error_code([&] { third.journal.replay(); }) == Code::corrupt);
}

TEST_CASE("a slot that was revoked follows the journal no further") {
  Replaying fixture;
  fixture.client.journal.replay();
  fixture.journal.end_epoch(fixture.journal.owner, {fixture.journal.writer.id});
  REQUIRE(fixture.replay_code() == Code::refused);
  ClientSample fresh(fixture.journal, fixture.journal.writer);
  REQUIRE(error_code([&] { fresh.journal.replay(); }) == Code::refused);
  ClientSample other(fixture.journal, fixture.journal.other);
  REQUIRE_NOTHROW(other.journal.replay());
}

TEST_CASE("a journal is followed into another directory from its start") {
  Replaying fixture;
  fixture.client.journal.replay();
  LocalDirectory local(fixture.client.directory / "another", fixture.client.random,
                       fixture.client.observer);
  Journal again = fixture.client.journal.over(local);
  REQUIRE(again.state().next_sequence == 0);
  again.replay();
  REQUIRE(again.state() == fixture.journal.state());
}
