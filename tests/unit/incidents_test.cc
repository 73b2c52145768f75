// Void entries are incidents until an owner closes them, and an owner's word leads over what cannot
// be told to be junk or damage.
#include "engine/format/limits.h"
#include "engine/repository/sync.h"
#include "tests/support/attacker.h"
#include "tests/support/roles.h"

using namespace kist;        // NOLINT(google-build-using-namespace)
using namespace kist::test;  // NOLINT(google-build-using-namespace)

namespace {

// An entry that no slot has signed, whatever it says of itself. Both copies.
ObjectHash put_unsigned(Roles& roles, std::uint64_t sequence, const ObjectHash& previous) {
  Key stranger;
  roles.content.fill(stranger.mutable_view());
  const Keyring& keyring = roles.owner_repository.keyring;
  const Bytes bytes = seal_object({.type = ObjectType::journal_entry,
                                   .origin = keyring.origin(),
                                   .clear = encode_journal_clear({sequence, previous})},
                                  keyring.journal_key(), stranger, roles.content,
                                  encode_journal_payload(1, StateRemade{}));
  put_twinned(*roles.store, journal_name(sequence), bytes);
  return hash_object(bytes);
}

Repository open_over_voids(Machine& machine, std::uint8_t fill = 7) {
  OpenOptions options{.state_parent = machine.state.path(), .slot = {}};
  options.accepts_void = true;
  return open_repository(machine.store, Machine::credential(fill), options, machine.around());
}

// A void entry of the writer's.
void misbehave(Roles& roles, Repository& evil) {
  JournalEntry entry = next_entry(evil, StateRemade{});
  entry.previous = ObjectHash();
  forge(*roles.store, evil, roles.content, entry);
  sync_journal(evil);
}

}  // namespace

TEST_CASE("a void entry is an incident until an owner closes it, for everybody") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  misbehave(roles, evil);
  misbehave(roles, evil);
  Repository& owner = roles.owner_repository;
  sync_journal(owner);
  REQUIRE(owner.state().open_incidents().size() == 2);
  const std::uint64_t first = owner.state().voids.front().sequence;
  REQUIRE(verify(owner, {}).findings.size() == 2);
  // A writer may not; what it signs all the same is one more.
  REQUIRE(error_code([&] {
            close_incidents(evil, {.first = 0, .last = UINT64_MAX, .note = "nothing to see"});
          }) == Code::refused);
  forge(*roles.store, evil, roles.content,
        next_entry(evil, IncidentsClosed{.first = 0, .last = UINT64_MAX}));
  sync_journal(owner);
  REQUIRE(owner.state().open_incidents().size() == 3);
  REQUIRE(owner.state().voids.back().reason == "its author lacks the capability own");
  const std::uint64_t closing =
      close_incidents(owner, {.first = first, .last = first, .note = "a bug"});
  REQUIRE(owner.state().open_incidents().size() == 2);
  REQUIRE(owner.state().voids.front().closed_by == closing);
  REQUIRE(error_code([&] { close_incidents(owner, {.first = first, .last = first}); }) ==
          Code::refused);
  close_incidents(owner, {.first = 0, .last = UINT64_MAX, .note = "revoked since"});
  REQUIRE(owner.state().open_incidents().empty());
  REQUIRE(verify(owner, {}).findings.empty());
  Machine late(roles.store, 9);
  REQUIRE(late.open().state() == owner.state());
}

TEST_CASE("on an owner's word the journal goes on over what nobody has signed") {
  Roles roles(writer_capabilities);
  Repository& owner = roles.owner_repository;
  Repository writer = roles.open();
  const State before = owner.state();
  const bool is_chained = GENERATE(true, false);
  const int count = GENERATE(1, 2, 3);
  ObjectHash head = before.head;
  for (int i = 0; i < count; ++i) {
    const auto claimed = is_chained ? head : roles.content.draw_id<ObjectHash>();
    head = put_unsigned(roles, before.next_sequence + static_cast<std::uint64_t>(i), claimed);
  }
  REQUIRE(sync_journal(writer).has_undecodable_head);
  REQUIRE(error_code([&] { roles.backup(writer, "laptop"); }) == Code::corrupt);
  // Who may not say so does not, and has learned nothing from trying.
  REQUIRE(error_code([&] { open_over_voids(roles.other, 9); }) == Code::refused);
  {
    Repository again = open_over_voids(roles.owner);
    REQUIRE(again.accepted_from == before.next_sequence);
    close_incidents(again, {.first = 0, .last = UINT64_MAX, .note = "junk"});
    REQUIRE(again.state().open_incidents().empty());
  }
  const SnapshotId snapshot = roles.backup(writer, "laptop").snapshot;
  sync_journal(owner);
  require_restored(roles.owner, owner, roles, snapshot);
  Machine late(roles.store, 9);
  Repository fresh = late.open();
  REQUIRE(fresh.state() == owner.state());
  REQUIRE(fresh.state() == writer.state());
  REQUIRE(fresh.state().voids.size() == static_cast<std::size_t>(count));
}

TEST_CASE("a copy that cannot be read is not passed over") {
  class Failing final : public ForwardingStore {
   public:
    Failing(Store& store, std::string name) : ForwardingStore(store), name_(std::move(name)) {}

    std::size_t get_range(const std::string& name, std::uint64_t offset, MutableView out) override {
      if (untwinned(name) == name_) throw Error(Code::failed, "the disk does not answer");
      return ForwardingStore::get_range(name, offset, out);
    }

   private:
    std::string name_;
  };

  Roles roles(writer_capabilities);
  const std::uint64_t last = roles.owner_repository.state().next_sequence - 1;
  Machine machine(std::make_shared<Failing>(*roles.store, journal_name(last)), 8);
  Repository repository = open_over_voids(machine);
  REQUIRE(repository.state().next_sequence == last);
  REQUIRE_FALSE(repository.accepted_from);
  REQUIRE(error_code([&] { close_incidents(repository, {}); }) == Code::corrupt);
}

TEST_CASE("what a slot has signed is not damaged because it says so itself, or nobody does") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  Repository behind = roles.owner.open();
  JournalEntry misfit = next_entry(evil, StateRemade{});
  misfit.previous = ObjectHash();
  forge(*roles.store, evil, roles.content, misfit);
  JournalEntry next = misfit;
  ++next.sequence;
  next.previous = roles.content.draw_id<ObjectHash>();  // of the one before, which it is not
  SECTION("its author") {
    forge(*roles.store, evil, roles.content, next);
  }
  SECTION("nobody") {
    put_unsigned(roles, next.sequence, next.previous);
  }
  sync_journal(behind);
  Machine late(roles.store, 9);
  const Repository fresh = late.open();
  REQUIRE(fresh.state().voids.front().sequence == misfit.sequence);
  REQUIRE(fresh.state() == behind.state());
}

TEST_CASE("what another has signed does say that an entry is damaged, until an owner says more") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  roles.owner.backup(roles.owner_repository, roles.source / "tree");
  roles.owner.backup(roles.owner_repository, roles.source / "tree");
  sync_journal(evil);
  const std::uint64_t at = evil.state().next_sequence - 2;
  JournalEntry misfit = next_entry(evil, StateRemade{});
  misfit.sequence = at;
  const Bytes bytes = seal_entry(evil.keyring, roles.content, misfit);
  for (const std::string& copy : {journal_name(at), twin_name(journal_name(at))}) {
    roles.store->overwrite(copy, bytes);
  }
  Machine late(roles.store, 9);
  REQUIRE(error_code([&] { late.open(); }) == Code::corrupt);
  {
    Machine owner(roles.store, 10);
    owner.clock.advance_ms(600'000);
    Repository repository = open_over_voids(owner);
    close_incidents(repository, {.first = 0, .last = UINT64_MAX, .note = "given up"});
    REQUIRE(late.open().state() == repository.state());
  }
}
