// Power cuts in init, backup, key add, key passwd and an epoch's end.
#include <algorithm>

#include "engine/repository/slots.h"
#include "tests/crash/every_crash.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

std::size_t complete_count(const Repository& repository) {
  const auto live = repository.state().live_snapshots();
  return static_cast<std::size_t>(
      std::ranges::count_if(live, [](const SnapshotPtr& s) { return !s->taken.is_pending; }));
}

Verb backup_verb(const Trees& trees, std::uint64_t checkpoint_bytes) {
  const auto run = [&trees, checkpoint_bytes](CrashedMachine& machine, Repository& repository) {
    trees.backup(machine, repository, checkpoint_bytes);
  };
  return {.name = checkpoint_bytes == 0 ? "backup" : "backup with checkpoints",
          .before =
              [&trees](CrashedMachine& machine) {
                Repository repository = machine.init();
                BackupOptions options;
                options.paths = {trees.source / "other"};
                options.source = "other";
                options.host = "host";
                backup(repository, options);
              },
          .run =
              [run](CrashedMachine& machine) {
                Repository repository = machine.open();
                run(machine, repository);
              },
          .check = [&trees, run](CrashedMachine& machine, bool acknowledged) -> std::string {
            Repository repository = machine.open();
            std::string wrong = findings(verify(repository, {.level = VerifyLevel::content}));
            if (!wrong.empty()) return wrong;
            const std::size_t complete = complete_count(repository);
            if (complete < (acknowledged ? 2U : 1U)) return "an acknowledged snapshot is lost";
            if (complete == 2) wrong = trees.restored_wrong(machine, repository);
            if (!wrong.empty()) return wrong;
            run(machine, repository);
            wrong = findings(verify(repository, {.level = VerifyLevel::content}));
            if (!wrong.empty()) return "after the next backup: " + wrong;
            return trees.restored_wrong(machine, repository);
          }};
}

Verb init_verb() {
  return {.name = "init",
          .before = [](CrashedMachine&) {},
          .run = [](CrashedMachine& machine) { machine.init(); },
          .check = [](CrashedMachine& machine, bool acknowledged) -> std::string {
            if (!machine.store->size("kist.repo")) {
              if (acknowledged) return "an acknowledged repository is lost";
              // Leftovers are said and can be cleared. Once the first entry is there, all is there
              // but kist.repo, which a repair makes.
              std::optional<Repository> made;
              try {
                made.emplace(machine.open());
              } catch (const Error& error) {
                return error.code() == Code::no_repository ? "" : error.text();
              }
              static_cast<void>(verify(*made, {.repairs = true}));
              if (!machine.store->size("kist.repo")) return "a repair makes no kist.repo";
            }
            Repository repository = machine.open();
            return findings(verify(repository, {.level = VerifyLevel::content}));
          }};
}

// The findings but for leftovers, and after a repair and an epoch's end all findings.
std::string findings_but_leftovers(Repository& repository) {
  VerifyReport report = verify(repository, {.level = VerifyLevel::content});
  std::erase_if(report.findings, is_leftover);
  if (!report.findings.empty()) return findings(report);
  static_cast<void>(verify(repository, {.repairs = true}));
  end_epoch(repository, {});
  return findings(verify(repository, {.level = VerifyLevel::content}));
}

bool opens_with(CrashedMachine& machine, std::uint8_t fill) {
  try {
    open_repository(machine.store, Machine::credential(fill),
                    {.state_parent = machine.state.path(), .slot = {}}, machine.services());
    return true;
  } catch (const Error& error) {
    if (error.code() == Code::wrong_secret) return false;
    throw;
  }
}

Verb key_add_verb() {
  return {.name = "key add",
          .before = [](CrashedMachine& machine) { machine.init(); },
          .run =
              [](CrashedMachine& machine) {
                Repository repository = machine.open();
                add_slot(repository, Machine::credential(9), {}, "second");
              },
          .check = [](CrashedMachine& machine, bool acknowledged) -> std::string {
            if (!opens_with(machine, 7)) return "the owner is locked out";
            if (acknowledged && !opens_with(machine, 9)) return "the new slot does not open";
            Repository repository = machine.open();
            add_slot(repository, Machine::credential(10), {}, "third");
            if (!opens_with(machine, 10)) return "the third slot does not open";
            return findings_but_leftovers(repository);
          }};
}

Verb revoke_verb(const Trees& trees) {
  const auto second = [](const Repository& repository) {
    for (const auto& [id, slot] : repository.state().slots) {
      if (slot.introduction.name == "second") return id;
    }
    return SlotId();
  };
  return {.name = "key revoke",
          .before =
              [&trees](CrashedMachine& machine) {
                Repository repository = machine.init();
                trees.backup(machine, repository, 0);
                add_slot(repository, Machine::credential(9), {}, "second", writer_capabilities);
              },
          .run =
              [second](CrashedMachine& machine) {
                Repository repository = machine.open();
                end_epoch(repository, {.revoked = {second(repository)}});
              },
          .check = [&trees, second](CrashedMachine& machine, bool acknowledged) -> std::string {
            Repository repository = machine.open();
            VerifyReport report = verify(repository, {.level = VerifyLevel::content});
            std::erase_if(report.findings, is_leftover);
            if (!report.findings.empty()) return findings(report);
            const bool is_revoked = repository.state().slots.at(second(repository)).is_revoked;
            if (acknowledged && !is_revoked) return "the slot was not revoked";
            if (!is_revoked && !opens_with(machine, 9)) return "the second slot is locked out";
            static_cast<void>(verify(repository, {.repairs = true}));
            end_epoch(repository, {});
            report = verify(repository, {.level = VerifyLevel::content});
            if (!report.findings.empty()) return "after the next epoch: " + findings(report);
            return trees.restored_wrong(machine, repository);
          }};
}

Verb passwd_verb() {
  return {.name = "key passwd",
          .before = [](CrashedMachine& machine) { machine.init(); },
          .run =
              [](CrashedMachine& machine) {
                Repository repository = machine.open();
                rewrap_slot(repository, Machine::credential(9), {});
              },
          .check = [](CrashedMachine& machine, bool acknowledged) -> std::string {
            const bool with_old = opens_with(machine, 7);
            const bool with_new = opens_with(machine, 9);
            if (!with_old && !with_new) return "the owner is locked out";
            if (acknowledged && (!with_new || with_old)) return "the old key is still the one";
            Repository repository = open_repository(
                machine.store, Machine::credential(with_new ? 9 : 7),
                {.state_parent = machine.state.path(), .slot = {}}, machine.services());
            rewrap_slot(repository, Machine::credential(11), {});
            if (!opens_with(machine, 11)) return "the newest key does not open";
            return findings_but_leftovers(repository);
          }};
}

}  // namespace

TEST_CASE("a power cut at any operation of init leaves a repository or nothing") {
  const Tally tally = try_every_crash(init_verb());
  INFO(tally.first);
  REQUIRE(tally.bad == 0);
}

TEST_CASE("a power cut at any operation of a backup loses nothing that was acknowledged") {
  const Trees trees;
  const Tally tally = try_every_crash(backup_verb(trees, 0));
  INFO(tally.first);
  REQUIRE(tally.bad == 0);
}

TEST_CASE("a power cut at any operation of a backup with checkpoints loses nothing", "[.more]") {
  const Trees trees;
  const Tally tally = try_every_crash(backup_verb(trees, 30'000));
  INFO(tally.first);
  REQUIRE(tally.bad == 0);
}

TEST_CASE("a power cut at any operation of key add and passwd locks nobody out", "[.more]") {
  for (const Verb& verb : {key_add_verb(), passwd_verb()}) {
    const Tally tally = try_every_crash(verb);
    INFO(tally.first);
    REQUIRE(tally.bad == 0);
  }
}

TEST_CASE("a power cut at any operation of an epoch's end loses nothing and locks nobody out",
          "[.more]") {
  const Trees trees;
  const Tally tally = try_every_crash(revoke_verb(trees));
  INFO(tally.first);
  REQUIRE(tally.bad == 0);
}

TEST_CASE("without its syncs the same backup would lose data: the crash disk does forget") {
  const Trees trees;
  const Tally files = try_every_crash(backup_verb(trees, 0), {.skips_file_sync = true});
  REQUIRE(files.bad > 0);
  const Tally names = try_every_crash(backup_verb(trees, 0), {.skips_directory_sync = true});
  REQUIRE(names.bad > 0);
}
