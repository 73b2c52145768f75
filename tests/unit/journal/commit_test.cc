// One entry under the next number, if that is free: whatever becomes of the answers, there is never
// a second one, and none that would be void.
#include <filesystem>
#include <functional>

#include "engine/journal/journal.h"
#include "tests/support/racy_store.h"
#include "tests/unit/journal/journal_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

// Notes what is done to the journal, and does what a test wants at a put of an entry.
class WatchedStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  bool put_if_absent(const std::string& path, View bytes) override {
    if (!path.starts_with("journal/")) return ForwardingStore::put_if_absent(path, bytes);
    if (before_put) before_put();
    if (is_answer_lost && !has_effect) throw Error(Code::failed, "the connection was cut");
    const bool is_put = ForwardingStore::put_if_absent(path, bytes);
    calls.push_back("entry " + path);
    if (is_answer_lost) throw Error(Code::failed, "the connection was cut");
    return is_put && !is_denied;
  }

  void put(const std::string& path, View bytes) override {
    ForwardingStore::put(path, bytes);
    calls.push_back("put " + path);
  }

  void barrier() override {
    calls.emplace_back("barrier");
    if (is_barrier_failing) throw Error(Code::failed, "the disk is gone");
    ForwardingStore::barrier();
  }

  std::vector<std::string> calls;
  std::function<void()> before_put;
  bool is_answer_lost = false;
  bool has_effect = false;  // of the put whose answer is lost
  bool is_denied = false;   // the answer is no, whatever was done
  bool is_barrier_failing = false;
};

struct Committing {
  explicit Committing(bool is_replayed = true) {
    if (is_replayed) client.journal.replay();
    store.calls.clear();
  }

  [[nodiscard]] Code commit_code() {
    return error_code([&] { client.commit(); });
  }

  HandMadeJournal journal;
  WatchedStore store{journal.store};
  ClientSample client{journal, journal.writer, store};
};

const std::string third_path = "journal/0000000003";

}  // namespace

TEST_CASE("an entry is durable before its second copy is put, and that before the answer") {
  Committing fixture;
  const JournalEntry entry = fixture.client.commit();
  REQUIRE(entry.sequence == 3);
  REQUIRE(entry.author == fixture.journal.writer.id);
  REQUIRE(fixture.store.calls == std::vector<std::string>{"entry " + third_path, "barrier",
                                                          "put " + third_path + ".2", "barrier"});
  const auto objects = fixture.journal.store.objects();
  REQUIRE(objects.at(third_path) == objects.at(third_path + ".2"));
  REQUIRE(fixture.client.journal.state().next_sequence == 4);
  REQUIRE(fixture.client.journal.head().hash == hash_object(objects.at(third_path)));
}

TEST_CASE("an answer that was lost after the entry was put is settled by reading it back") {
  Committing fixture;
  fixture.store.is_answer_lost = true;
  fixture.store.has_effect = true;
  REQUIRE(fixture.client.commit().sequence == 3);
  REQUIRE(fixture.client.journal.state().next_sequence == 4);
  REQUIRE_FALSE(fixture.journal.store.size("journal/0000000004"));
}

TEST_CASE("an answer that was lost before the entry was put is a failure, and nothing stands") {
  Committing fixture;
  fixture.store.is_answer_lost = true;
  REQUIRE(fixture.commit_code() == Code::failed);
  REQUIRE_FALSE(has_copy(fixture.journal.store, third_path));
  fixture.store.is_answer_lost = false;
  REQUIRE(fixture.client.commit().sequence == 3);
}

TEST_CASE("a no to an entry that stands all the same makes no second one") {
  Committing fixture;
  fixture.store.is_denied = true;
  REQUIRE(fixture.client.commit().sequence == 3);
  REQUIRE_FALSE(has_copy(fixture.journal.store, "journal/0000000004"));
}

TEST_CASE("an answer that was lost while another took the number is a lost number") {
  Committing fixture;
  fixture.store.is_answer_lost = true;
  fixture.store.has_effect = true;
  fixture.store.before_put = [&] {
    if (fixture.journal.state().next_sequence == 3) fixture.journal.append(fixture.journal.other);
  };
  REQUIRE(fixture.client.commit().sequence == 4);
}

TEST_CASE("who loses a number replays the winner's entry and makes its act anew for the next") {
  Committing fixture;
  fixture.store.before_put = [&] {
    if (fixture.journal.state().next_sequence == 3) fixture.journal.append(fixture.journal.other);
  };
  std::vector<std::uint64_t> made_after;
  const JournalEntry entry = fixture.client.commit([&](const State& state) {
    made_after.push_back(state.next_sequence);
    return Act(StateRemade{sample_id<ClientId>(5)});
  });
  REQUIRE(entry.sequence == 4);
  REQUIRE(made_after == std::vector<std::uint64_t>{3, 4});
  REQUIRE(entry.previous == fixture.journal.state().head);
  REQUIRE(fixture.client.journal.state().clients.size() == 2);
}

TEST_CASE("who loses 64 numbers in a row gives up") {
  Committing fixture;
  fixture.store.before_put = [&] { fixture.journal.append(fixture.journal.other); };
  REQUIRE(fixture.commit_code() == Code::conflict);
  REQUIRE(fixture.journal.state().next_sequence == 3 + 64);
}

TEST_CASE("one try at a head that another entry has overtaken changes nothing") {
  Committing fixture;
  const Journal::Writable writable = fixture.client.journal.require_writable();
  const JournalEntry entry = fixture.client.journal.next_entry(StateRemade{});
  const Bytes winner = fixture.journal.append(fixture.journal.other);
  REQUIRE_FALSE(
      fixture.client.journal.commit_at_head(writable, entry, fixture.client.keyring.journal_key()));
  REQUIRE(fixture.client.journal.state().next_sequence == 3);
  REQUIRE(fixture.journal.store.objects().at(third_path) == winner);
  REQUIRE(fixture.journal.store.objects().at(third_path + ".2") == winner);
}

TEST_CASE("the second copy that a client was cut off from putting is put with the next entry") {
  Committing fixture;
  const Bytes head = fixture.journal.store.objects().at("journal/0000000002");
  fixture.journal.place(2, head, {});
  fixture.client.commit();
  REQUIRE(fixture.journal.store.objects().at("journal/0000000002.2") == head);
}

TEST_CASE(
    "nobody commits beside a second copy that is another slot's entry, until that is mended") {
  Committing fixture;
  HandMadeJournal& made = fixture.journal;
  const Bytes rival = made.seal(made.other, made.next(made.other));
  fixture.store.before_put = [&] {
    if (!made.store.size(third_path)) made.store.overwrite(third_path + ".2", rival);
  };
  // The put has won: who asked for it hears that, and that the copy is not its own.
  const auto failure = failure_of([&] { fixture.client.commit(); });
  REQUIRE(failure->code() == Code::corrupt);
  REQUIRE(failure->text().find("entry 3 was committed") != std::string::npos);
  const Bytes won = made.store.objects().at(third_path);
  REQUIRE(open_entry(decode_entry_envelope(won, third_path, made.writer.keyring().repository()),
                     third_path, made.epoch().journal_key())
              .author == made.writer.id);
  REQUIRE(made.store.objects().at(third_path + ".2") == rival);
  REQUIRE(fixture.commit_code() == Code::corrupt);
  REQUIRE_FALSE(has_copy(made.store, "journal/0000000004"));
  made.store.overwrite(third_path + ".2", won);
  REQUIRE(fixture.client.commit().sequence == 4);
}

TEST_CASE("a second copy that is damaged, or that nobody has signed, stops nobody") {
  Committing fixture;
  HandMadeJournal& made = fixture.journal;
  const Bytes head = made.store.objects().at("journal/0000000002");
  Bytes flipped = head;
  flipped[flipped.size() / 2] ^= 1;
  const Bytes earlier = made.store.objects().at("journal/0000000001");
  const Bytes large(std::size_t{16'777'216} + 1);
  const std::vector<Bytes> seconds{flipped, earlier, large, Bytes(300)};
  made.place(2, head, seconds[GENERATE(0U, 1U, 2U, 3U)]);
  REQUIRE(fixture.client.commit().sequence == 3);
}

TEST_CASE("a first copy that was damaged since is not copied") {
  Committing fixture;
  const Bytes head = fixture.journal.store.objects().at("journal/0000000002");
  fixture.store.before_put = [&] { fixture.journal.place(2, head, head); };
  const Journal::Writable writable = fixture.client.journal.require_writable();
  const JournalEntry entry = fixture.client.journal.next_entry(StateRemade{});
  fixture.journal.place(2, Bytes(300), {});
  REQUIRE(
      fixture.client.journal.commit_at_head(writable, entry, fixture.client.keyring.journal_key()));
  REQUIRE(std::ranges::count(fixture.store.calls, "put journal/0000000002.2") == 0);
}

TEST_CASE("an act that would be void is refused before anything is put") {
  Committing fixture;
  const auto before = fixture.journal.store.objects();
  const auto commit_void = [&](const Act& act) {
    return error_code([&] { fixture.client.commit([&](const State&) { return act; }); });
  };
  REQUIRE(commit_void(SlotRewrapped{.generation = 1, .kind = SlotKind::key_file}) == Code::refused);
  SlotAdded added;
  added.slot = fixture.journal.state().slots.at(fixture.journal.writer.id).introduction;
  REQUIRE(commit_void(added) == Code::refused);  // a writer lets nobody in
  REQUIRE(fixture.journal.store.objects() == before);
}

TEST_CASE("an entry that may not be durable is not acknowledged") {
  Committing fixture;
  fixture.store.is_barrier_failing = true;
  REQUIRE(fixture.commit_code() == Code::failed);
  REQUIRE_FALSE(fixture.journal.store.size(third_path + ".2"));
}

TEST_CASE("nothing is committed after what cannot be read") {
  Committing fixture;
  fixture.journal.place_junk(3);
  REQUIRE(fixture.commit_code() == Code::corrupt);
  REQUIRE_FALSE(has_copy(fixture.journal.store, "journal/0000000004"));
}

TEST_CASE("an entry has this machine's time, but none before the entries that it follows") {
  Committing fixture;
  REQUIRE(fixture.client.journal.next_entry(StateRemade{}).time_ms == start_ms + 10'000);
  JournalEntry ahead = fixture.journal.next(fixture.journal.owner);
  ahead.time_ms = start_ms + 20'000;
  fixture.journal.append(fixture.journal.owner, ahead);
  fixture.client.journal.replay();
  REQUIRE(fixture.client.journal.next_entry(StateRemade{}).time_ms == start_ms + 20'000);
  fixture.client.clock.advance_ms(20'000);
  REQUIRE(fixture.client.journal.next_entry(StateRemade{}).time_ms == start_ms + 30'000);
}

TEST_CASE("a clock that is more than an hour behind the journal is doubted, and stops nobody") {
  Committing fixture;
  JournalEntry ahead = fixture.journal.next(fixture.journal.owner);
  ahead.time_ms = fixture.client.clock.now_ms() + 3'600'001;
  fixture.journal.append(fixture.journal.owner, ahead);
  fixture.client.journal.replay();
  const JournalEntry doubted = fixture.client.commit();
  REQUIRE(doubted.time_ms == ahead.time_ms);
  REQUIRE(doubted.is_time_doubted);
  REQUIRE(fixture.client.observer.notices.size() == 1);
  REQUIRE(fixture.client.observer.notices.front().starts_with("this machine's clock is doubted"));
  fixture.client.clock.advance_ms(1);
  REQUIRE_FALSE(fixture.client.commit().is_time_doubted);
}

TEST_CASE("a machine that has not seen the journal before commits only on somebody's word") {
  Committing fixture;
  fixture.client.journal.trust_head(false);
  REQUIRE(fixture.commit_code() == Code::refused);
  fixture.client.journal.trust_head(true);
  REQUIRE(fixture.client.commit().sequence == 3);
}

TEST_CASE("a store that loses a race of puts is refused before anything is committed") {
  HandMadeJournal journal;
  RacyStore racy(journal.store);
  ClientSample client(journal, journal.writer, racy);
  std::filesystem::remove(client.local.directory() + "/exclusive-put");
  client.journal.replay();
  REQUIRE(error_code([&] { client.commit(); }) == Code::unsupported);
  REQUIRE_FALSE(client.local.has_seen_exclusive_put());
  REQUIRE_FALSE(has_copy(journal.store, third_path));
}

TEST_CASE("a state directory lets a store race once, whatever is committed after that") {
  Committing fixture;
  std::filesystem::remove(fixture.client.local.directory() + "/exclusive-put");
  const auto count_probes = [&] {
    const MemoryStore& store = fixture.journal.store;
    return store.objects().size() - store.objects_without_probes().size();
  };
  fixture.client.commit();
  REQUIRE(fixture.client.local.has_seen_exclusive_put());
  REQUIRE(count_probes() == 1);
  fixture.client.commit();
  Journal again(fixture.store, fixture.client.keyring, fixture.client.local,
                fixture.client.journal.services());
  again.trust_head(true);
  static_cast<void>(again.require_writable());
  REQUIRE(count_probes() == 1);
}

TEST_CASE("a store that puts where there is something is refused, race or not") {
  HandMadeJournal journal;
  CarelessStore careless(journal.store);
  ClientSample client(journal, journal.writer, careless);
  client.journal.replay();
  REQUIRE(client.local.has_seen_exclusive_put());
  REQUIRE(error_code([&] { client.commit(); }) == Code::unsupported);
  REQUIRE_FALSE(has_copy(journal.store, third_path));
}

TEST_CASE("a client's first entry in a later epoch says that it keeps nothing of those before") {
  Committing fixture;
  const Journal::Writable writable = fixture.client.journal.require_writable();
  fixture.client.journal.record_state_remade(writable);
  REQUIRE_FALSE(has_copy(fixture.journal.store, third_path));  // not in the first epoch
  fixture.journal.end_epoch(fixture.journal.owner);
  const JournalEntry entry = fixture.client.commit([&](const State& state) {
    return Act(SlotRewrapped{.generation = state.slots.at(fixture.journal.writer.id).generation + 1,
                             .kind = SlotKind::key_file});
  });
  REQUIRE(entry.sequence == 5);
  std::vector<std::string> names;
  fixture.client.journal.for_each_entry(4, [&](const ReplayedEntry& replayed) {
    names.push_back(act_name(replayed.entry.act));
    return true;
  });
  REQUIRE(names == std::vector<std::string>{"state remade", "slot rewrapped"});
  fixture.client.journal.record_state_remade(writable);
  REQUIRE(fixture.client.journal.state().next_sequence == 6);
}
