// A laptop whose writer's key somebody else has, beside an owner's machine: what it commits aims
// nobody's restore, holds up nothing once its slot was revoked, and takes no name of a machine to
// come.
#include <algorithm>

#include "engine/format/names.h"
#include "engine/journal/sealed_entry.h"
#include "engine/store/twins.h"
#include "tests/support/attacker.h"
#include "tests/support/roles.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

constexpr HollowSnapshot nothing_is_put{.puts_keys = false, .puts_body = false, .puts_set = false};

BackupResult backup_as(Machine& machine,
                       Repository& repository,
                       const std::string& path,
                       const std::string& source) {
  machine.clock.advance_ms(120'000);
  BackupOptions options;
  options.paths = {path};
  options.source = source;
  options.threads = 2;
  return backup(repository, options);
}

SnapshotId latest(Repository& repository, const std::string& text = "latest") {
  repository.journal().replay();
  return select(repository, text).snapshot->taken.snapshot;
}

}  // namespace

TEST_CASE(
    "a writer's entry without objects holds up neither a restore nor, once revoked, a verify") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  Repository& owner = roles.owner_repository;
  const SnapshotId junk = commit_hollow(evil, roles.other.random, "test2", nothing_is_put);
  REQUIRE(latest(owner) == roles.first);
  require_restored(roles.owner, owner, roles, latest(owner));
  REQUIRE_FALSE(verify(owner, {}).findings.empty());
  revoke(roles);
  // On the owner's machine, and on a fresh one with another clock, as after a disaster.
  Machine fresh(roles.store, 5);
  fresh.clock.advance_ms(86'400'000);
  Repository there = fresh.open();
  for (const auto& [machine, repository] :
       {std::pair<Machine&, Repository&>(roles.owner, owner), {fresh, there}}) {
    REQUIRE(latest(repository) == roles.first);
    require_restored(machine, repository, roles, roles.first);
    const VerifyReport report = verify_content(repository);
    REQUIRE(findings_of(report).empty());
    REQUIRE(report.notes.size() == 1);
    REQUIRE(report.notes.front().object == "snapshot " + hex(junk));
  }
  REQUIRE(fresh.observer.problems.empty());
}

TEST_CASE("a revocation gives up what was never put, and the plan of it says so") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  const SnapshotId good = roles.backup(evil, "laptop").snapshot;
  const SnapshotId no_body =
      commit_hollow(evil, roles.other.random, "laptop", {.puts_body = false});
  const SnapshotId no_set = commit_hollow(evil, roles.other.random, "laptop", {.puts_set = false});
  Repository& owner = roles.owner_repository;
  owner.journal().replay();
  const EndEpochOptions options{.revoked = {slot_called(owner.state(), "other")}};
  const EndEpochPlan plan = plan_end_epoch(owner, options);
  REQUIRE(plan.given_up == std::vector{no_body, no_set});
  const EndEpochPlan other = plan_end_epoch(owner, {});
  REQUIRE(other.given_up.empty());
  REQUIRE(end_epoch(owner, options).given_up == plan.given_up);
  require_restored(roles.owner, owner, roles, good);
  REQUIRE(latest(owner, "latest@laptop") == good);
}

TEST_CASE(
    "an owner binds the name of a machine to come, and no writer takes it before that machine") {
  Roles roles(writer_capabilities);
  Repository& owner = roles.owner_repository;
  Repository evil = roles.open();
  const Credential desk_key = Machine::credential(21);
  const std::string tree = roles.source / "tree";
  const bool is_recipient = GENERATE(true, false);
  // Without a binding the name is whose who comes first.
  backup_as(roles.other, evil, tree, "mail");
  owner.journal().replay();
  REQUIRE(error_code([&] {
            add_slot(owner, desk_key, argon2_floor, {"mail", writer_capabilities, {"mail"}});
          }) == Code::refused);
  if (is_recipient) {
    add_recipient(owner, recipient_of(desk_key), "desk", writer_capabilities, {"desk", "desk-db"});
  } else {
    add_slot(owner, desk_key, argon2_floor, {"desk", writer_capabilities, {"desk", "desk-db"}});
  }
  REQUIRE(error_code([&] { backup_as(roles.other, evil, tree, "desk"); }) == Code::refused);
  // A client that goes around the program signs a void entry, for everybody.
  JournalEntry forged = evil.journal().next_entry(StateRemade{});
  SnapshotTaken taken = owner.state().snapshots.at(roles.first).taken;
  taken.snapshot = roles.content.draw_id<SnapshotId>();
  taken.source = "desk-db";
  taken.numbers = {.first_number = owner.state().next_number};
  taken.segments.clear();
  taken.key_segments.clear();
  forged.act = taken;
  forge(*roles.store, evil, roles.content, forged);
  owner.journal().replay();
  REQUIRE(owner.state().incidents.back().reason == "a source that belongs to another slot");
  // The machine comes: the name is its own.
  Machine desk(roles.store, 7);
  if (is_recipient) {
    const OpenOptions options{.state_parent = desk.state.path(),
                              .slot = {},
                              .fingerprint = owner.keyring().fingerprint()};
    accept_slot(roles.store, desk_key, options, desk.services());
  }
  Repository there = desk.open(21);
  const SnapshotId first = backup_as(desk, there, tree, "desk").snapshot;
  REQUIRE(latest(owner, "latest@desk") == first);
  require_restored(roles.owner, owner, roles, first);
  for (const SlotInfo& slot : list_slots(owner)) {
    if (slot.name == "desk") REQUIRE(slot.sources == std::vector<std::string>{"desk", "desk-db"});
    if (slot.name == "other") REQUIRE(slot.sources == std::vector<std::string>{"mail"});
  }
}

TEST_CASE("an entry that its author has sealed for nobody is void for who was here before too") {
  const Capabilities capabilities = GENERATE(writer_capabilities, operator_capabilities);
  Roles roles(capabilities);
  Repository evil = roles.open();
  Repository& owner = roles.owner_repository;
  evil.journal().replay();
  const JournalEntry entry =
      evil.journal().next_entry(StateRemade{roles.content.draw_id<ClientId>()});
  Key other;
  roles.content.fill(other.mutable_view());
  put_twinned(*roles.store, journal_path(entry.sequence),
              seal_entry(evil.keyring(), other, roles.content, entry));
  SECTION("by a process that goes on") {
    owner.journal().replay();
    require_restored(roles.owner, owner, roles, roles.first);
  }
  SECTION("by the next process, after an epoch has ended too") {
    Machine fresh(roles.store, 5);
    if (GENERATE(false, true)) {
      Repository there = fresh.open();
      end_epoch(there, {});
    }
    Repository again = roles.owner.open();
    require_restored(roles.owner, again, roles, roles.first);
    REQUIRE(again.state().incidents.size() == 1);
    roles.owner.backup(again, roles.source / "tree");
  }
}
