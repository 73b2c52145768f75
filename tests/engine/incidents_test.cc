// Void entries are incidents until an owner closes them, and an owner's word leads over what no
// slot has signed.
#include "engine/crypto/hash.h"
#include "engine/format/limits.h"
#include "engine/journal/journal.h"
#include "tests/support/attacker.h"
#include "tests/support/roles.h"

using namespace kist;
using namespace kist::test;

namespace {

// An entry that no slot has signed, whoever it says it is by. Both copies.
ObjectHash put_unsigned(Roles& roles,
                        std::uint64_t sequence,
                        const ObjectHash& previous,
                        bool is_by_nobody = false) {
  Key stranger;
  roles.content.fill(stranger.mutable_view());
  const Keyring& keyring = roles.owner_repository.keyring();
  ObjectOrigin origin = keyring.origin();
  if (is_by_nobody) origin.author = roles.content.draw_id<SlotId>();
  const Bytes bytes = seal_object({.type = ObjectType::journal_entry,
                                   .origin = origin,
                                   .clear = encode_journal_clear({sequence, previous})},
                                  keyring.journal_key(), stranger, roles.content,
                                  encode_journal_payload({.time_ms = 1, .act = StateRemade{}}));
  put_twinned(*roles.store, journal_path(sequence), bytes);
  return hash_object(bytes);
}

void damage_entry(Roles& roles, std::uint64_t sequence) {
  const Bytes junk = random_bytes(roles.content, 300);
  for (const std::string& copy :
       {journal_path(sequence), second_copy_path(journal_path(sequence))}) {
    roles.store->overwrite(copy, junk);
  }
}

// A void entry of the writer's.
JournalEntry misbehave(Roles& roles, Repository& evil) {
  JournalEntry entry = evil.journal().next_entry(StateRemade{});
  entry.previous = ObjectHash();
  forge(*roles.store, evil, roles.content, entry);
  return entry;
}

std::uint64_t pass_over(Repository& owner) {
  return accept_unsigned_tail(owner, find_unsigned_tail(owner), "junk");
}

// Does not give what the disk has of an entry, as long as it is out of order.
class FailingEntry final : public ForwardingStore {
 public:
  FailingEntry(Store& store, std::uint64_t sequence)
      : ForwardingStore(store), name_(journal_path(sequence)) {}

  std::size_t get_range(const std::string& name, std::uint64_t offset, MutableView out) override {
    if (is_out_of_order && first_copy_path(name) == name_) {
      throw Error(Code::failed, "the disk does not answer");
    }
    return ForwardingStore::get_range(name, offset, out);
  }

  bool is_out_of_order = true;

 private:
  std::string name_;
};

}  // namespace

TEST_CASE("a void entry is an incident until an owner closes it, for everybody") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  misbehave(roles, evil);
  evil.journal().replay();
  misbehave(roles, evil);
  evil.journal().replay();
  Repository& owner = roles.owner_repository;
  owner.journal().replay();
  REQUIRE(owner.state().open_incidents().size() == 1);
  const Incident both = owner.state().incidents.front();
  REQUIRE(both.count == 2);
  REQUIRE(verify(owner, {}).findings.size() == 1);
  // A writer may not; what it signs all the same is one more.
  REQUIRE(error_code([&] {
            close_incidents(evil, {.first = 0, .last = UINT64_MAX, .note = "nothing to see"});
          }) == Code::refused);
  forge(*roles.store, evil, roles.content,
        evil.journal().next_entry(IncidentsClosed{.first = 0, .last = UINT64_MAX}));
  owner.journal().replay();
  REQUIRE(owner.state().open_incidents().size() == 2);
  REQUIRE(owner.state().incidents.back().reason == "its author lacks the capability own");
  const auto close = [&](std::uint64_t last) {
    return close_incidents(owner, {.first = both.sequence, .last = last, .note = "a bug"});
  };
  REQUIRE(error_code([&] { close(both.sequence); }) == Code::refused);  // not the whole of it
  const std::uint64_t closing = close(both.last);
  REQUIRE(owner.state().open_incidents().size() == 1);
  REQUIRE(owner.state().incidents.front().closed_by == closing);
  REQUIRE(error_code([&] { close(both.last); }) == Code::refused);
  close_incidents(owner, {.first = 0, .last = UINT64_MAX, .note = "revoked since"});
  REQUIRE(owner.state().open_incidents().empty());
  REQUIRE(verify(owner, {}).findings.empty());
  Machine late(roles.store, 9);
  REQUIRE(late.open().state() == owner.state());
}

TEST_CASE("an owner's entry leads over no others than those before it") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  Repository& owner = roles.owner_repository;
  misbehave(roles, evil);
  owner.journal().replay();
  IncidentsClosed closed{.first = 0, .last = UINT64_MAX};
  const bool is_last = GENERATE(true, false);
  if (!is_last) closed.accepted.push_back(owner.state().head);
  closed.accepted.push_back(is_last ? owner.state().head : roles.content.draw_id<ObjectHash>());
  forge(*roles.store, owner, roles.content, owner.journal().next_entry(closed));
  owner.journal().replay();
  REQUIRE(owner.state().open_incidents().size() == (is_last ? 0 : 2));
  if (is_last) return;
  REQUIRE(owner.state().incidents.back().reason == "entries accepted that are not those before it");
}

TEST_CASE("on an owner's word the journal goes on over what nobody has signed") {
  Roles roles(writer_capabilities);
  Repository& owner = roles.owner_repository;
  Repository writer = roles.open();
  const std::uint64_t end = owner.state().next_sequence;
  const bool is_chained = GENERATE(true, false);
  const bool is_by_nobody = GENERATE(true, false);
  const int count = GENERATE(1, 3);
  ObjectHash head = owner.state().head;
  for (int i = 0; i < count; ++i) {
    const auto claimed = is_chained ? head : roles.content.draw_id<ObjectHash>();
    head = put_unsigned(roles, end + static_cast<std::uint64_t>(i), claimed, is_by_nobody);
  }
  REQUIRE_FALSE(writer.journal().replay().is_readable());
  REQUIRE(error_code([&] { roles.backup(writer, "laptop"); }) == Code::corrupt);
  const std::vector<UnsignedEntry> junk = find_unsigned_tail(writer);
  REQUIRE(junk.size() == static_cast<std::size_t>(count));
  REQUIRE(error_code([&] { accept_unsigned_tail(writer, junk, "mine"); }) == Code::refused);
  REQUIRE_FALSE(owner.journal().replay().is_readable());  // nothing has changed
  pass_over(owner);
  REQUIRE(owner.state().open_incidents().empty());
  REQUIRE(find_unsigned_tail(owner).empty());
  const SnapshotId snapshot = roles.backup(writer, "laptop").snapshot;
  owner.journal().replay();
  require_restored(roles.owner, owner, roles, snapshot);
  Machine late(roles.store, 9);
  Repository fresh = late.open();
  REQUIRE(fresh.state() == owner.state());
  REQUIRE(fresh.state() == writer.state());
  REQUIRE(fresh.state().incidents.front().count == static_cast<std::uint64_t>(count));
}

TEST_CASE("a writer's word does not lead over what nobody has signed") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  const std::uint64_t end = evil.state().next_sequence;
  IncidentsClosed closed{.first = 0, .last = UINT64_MAX};
  closed.accepted.push_back(put_unsigned(roles, end, roles.content.draw_id<ObjectHash>()));
  closed.accepted.push_back(put_unsigned(roles, end + 1, roles.content.draw_id<ObjectHash>()));
  JournalEntry entry = evil.journal().next_entry(closed);
  entry.sequence = end + 2;
  entry.previous = closed.accepted.back();
  forge(*roles.store, evil, roles.content, entry);
  Machine late(roles.store, 9);
  Repository fresh = late.open();
  REQUIRE(fresh.state().next_sequence == end);
  // Nor does an owner pass over what a slot has signed: what stands before it may be damaged.
  REQUIRE(error_code([&] { find_unsigned_tail(roles.owner_repository); }) == Code::refused);
}

TEST_CASE("an entry that was damaged inside the journal is never passed over") {
  Roles roles(writer_capabilities);
  Repository writer = roles.open();
  roles.backup(writer, "laptop");
  roles.owner_repository.journal().replay();
  const std::uint64_t at = roles.owner_repository.state().next_sequence - 1;
  const bool is_followed = GENERATE(true, false);
  if (is_followed) roles.owner.backup(roles.owner_repository, roles.source / "tree");
  damage_entry(roles, at);
  Machine late(roles.store, 9);
  if (is_followed) {
    Repository fresh = late.open();  // to read what is before it
    REQUIRE(fresh.state().next_sequence == at);
    REQUIRE(error_code([&] { find_unsigned_tail(fresh); }) == Code::refused);
    REQUIRE(error_code([&] { late.backup(fresh, roles.source / "tree"); }) == Code::corrupt);
    return;
  }
  // At the head it may be junk: who has never seen it cannot tell. Who has, does.
  Repository fresh = late.open();
  REQUIRE(fresh.state().next_sequence == at);
  REQUIRE(find_unsigned_tail(fresh).size() == 1);
  REQUIRE(error_code([&] { roles.owner_repository.journal().replay(); }) == Code::corrupt);
}

TEST_CASE("from what cannot be read nothing is concluded, whatever others say of it") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  roles.owner.backup(roles.owner_repository, roles.source / "tree");
  evil.journal().replay();
  const std::uint64_t last = evil.state().next_sequence - 1;
  const bool is_by_slot = GENERATE(true, false);
  if (is_by_slot) {
    JournalEntry next = evil.journal().next_entry(StateRemade{});
    next.previous = ObjectHash{};
    forge(*roles.store, evil, roles.content, next);
  } else {
    put_unsigned(roles, last + 1, ObjectHash{}, true);
  }
  const auto store = std::make_shared<FailingEntry>(*roles.store, last);
  Machine machine(store, 8);
  {
    Repository repository = machine.open();
    REQUIRE(repository.state().next_sequence == last);
    REQUIRE(error_code([&] { find_unsigned_tail(repository); }) == Code::refused);
  }
  store->is_out_of_order = false;
  roles.owner_repository.journal().replay();
  REQUIRE(machine.open().state() == roles.owner_repository.state());
}

TEST_CASE("what a slot has signed is not damaged because it says so itself, or nobody does") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  Repository behind = roles.owner.open();
  const JournalEntry misfit = misbehave(roles, evil);
  JournalEntry next = misfit;
  ++next.sequence;
  next.previous = roles.content.draw_id<ObjectHash>();  // of the one before, which it is not
  SECTION("its author") {
    forge(*roles.store, evil, roles.content, next);
  }
  SECTION("somebody who has not signed it") {
    put_unsigned(roles, next.sequence, next.previous);
  }
  SECTION("a stranger, and an owner has gone on since") {
    roles.owner_repository.journal().replay();
    put_unsigned(roles, next.sequence, next.previous, true);
    pass_over(roles.owner_repository);
  }
  behind.journal().replay();
  Machine late(roles.store, 9);
  const Repository fresh = late.open();
  REQUIRE(fresh.state().incidents.front().sequence == misfit.sequence);
  REQUIRE(fresh.state() == behind.state());
}

TEST_CASE("the copy that has won its number counts, not one that was put beside it later") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  Repository& owner = roles.owner_repository;
  const JournalEntry good = evil.journal().next_entry(StateRemade{});
  JournalEntry backdated = good;
  backdated.time_ms = 1;
  const std::string name = journal_path(good.sequence);
  REQUIRE(roles.store->put_if_absent(name, seal_entry(evil.keyring(), roles.content, backdated)));
  owner.journal().replay();
  REQUIRE(owner.state().incidents.size() == 1);
  const Bytes other = seal_entry(evil.keyring(), roles.content, good);
  REQUIRE(roles.store->put_if_absent(second_copy_path(name), other));
  roles.write_news(90'000);
  // Nobody commits beside it: it would count once the store lost the first copy.
  REQUIRE(error_code([&] { roles.owner.backup(owner, roles.source / "tree"); }) == Code::corrupt);
  REQUIRE(verify(owner, {.repairs = true}).healed == 1);
  const SnapshotId snapshot = roles.owner.backup(owner, roles.source / "tree").snapshot;
  Machine late(roles.store, 9);
  Repository fresh = late.open();
  REQUIRE(fresh.state() == owner.state());
  require_restored(late, fresh, roles, snapshot, "news");
}

TEST_CASE("more junk than one entry can name is not half passed over") {
  Roles roles(writer_capabilities);
  Repository& owner = roles.owner_repository;
  const std::uint64_t end = owner.state().next_sequence;
  for (std::uint64_t i = 0; i <= accepted_entries_max; ++i) {
    roles.store->put(journal_path(end + i), random_bytes(roles.content, 30));
  }
  REQUIRE(error_code([&] { find_unsigned_tail(owner); }) == Code::refused);
  roles.store->remove(journal_path(end + accepted_entries_max));
  pass_over(owner);
  Machine late(roles.store, 9);
  REQUIRE(late.open().state() == owner.state());
}

TEST_CASE("a second copy that was put before the first is settled by whoever takes it") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  Machine honest_machine(roles.store, 6);
  bool can_write = true;

  // Between its replay and its commit others are at work.
  class Racing final : public ForwardingStore {
   public:
    using ForwardingStore::ForwardingStore;

    bool put_if_absent(const std::string& name, View bytes) override {
      if (name.starts_with("journal/") && meanwhile) std::exchange(meanwhile, {})();
      return ForwardingStore::put_if_absent(name, bytes);
    }

    std::function<void()> meanwhile;
  };

  // Gives everything, and takes nothing when it must not.
  class Watching final : public ForwardingStore {
   public:
    Watching(Store& store, const bool& can_write) : ForwardingStore(store), can_write_(can_write) {}

    bool put_if_absent(const std::string& name, View bytes) override {
      if (!can_write_) throw Error(Code::failed, "it is mounted to be read");
      return ForwardingStore::put_if_absent(name, bytes);
    }

   private:
    const bool& can_write_;
  };

  const auto racing = std::make_shared<Racing>(*roles.store);
  Machine victim(racing, 7);
  Machine reader(std::make_shared<Watching>(*roles.store, can_write), 8);
  Repository honest = victim.open();
  Repository watching = reader.open();
  racing->meanwhile = [&] {
    const JournalEntry entry = evil.journal().next_entry(StateRemade{});
    roles.store->put(second_copy_path(journal_path(entry.sequence)),
                     seal_entry(evil.keyring(), roles.content, entry));
    can_write = GENERATE(true, false);
    watching.journal().replay();
  };
  const auto failure = failure_of([&] { victim.backup(honest, roles.source / "tree"); });
  REQUIRE_FALSE(racing->meanwhile);
  if (!can_write) {
    // Nobody has put it in the place of the first: the backup has won, and is told of it.
    REQUIRE(failure->code() == Code::corrupt);
    REQUIRE(failure->text().find("was committed") != std::string::npos);
    REQUIRE(verify(honest, {.repairs = true}).healed == 1);
    REQUIRE(victim.backup(honest, roles.source / "tree").statistics.bytes_new < 10'000);
  } else {
    REQUIRE_FALSE(failure);
  }
  watching.journal().replay();
  Machine late(roles.store, 9);
  Repository fresh = late.open();
  REQUIRE(fresh.state() == honest.state());
  REQUIRE(fresh.state() == watching.state());
  REQUIRE(fresh.state().incidents.empty());
}

TEST_CASE("a store that is only read shows what follows a lone second copy") {
  Roles roles(writer_capabilities);
  roles.owner.backup(roles.owner_repository, roles.source / "tree");
  const State& state = roles.owner_repository.state();
  const bool is_last = GENERATE(true, false);
  roles.store->remove(journal_path(state.next_sequence - (is_last ? 1 : 2)));
  Machine late(std::make_shared<ReadOnlyStore>(*roles.store), 9);
  Repository fresh = late.open();
  REQUIRE(fresh.state().next_sequence == state.next_sequence - (is_last ? 1 : 0));
  if (!is_last) return;
  // Whoever can write shows it to all.
  Machine writing(roles.store, 8);
  REQUIRE(writing.open().state() == state);
  fresh.journal().replay();
  REQUIRE(fresh.state() == state);
}
