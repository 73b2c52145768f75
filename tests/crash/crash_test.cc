// A power cut at every operation on the store, with every kind of leftover, and for each a local
// state that is absent, torn, from before, or as the cut left it: nothing acknowledged is lost,
// nothing needs repair, and the verb can be run again to its end. LMDB writes its own files, so the
// local state does not go through the seam.
//
// KIST_LEFTOVERS says how many leftovers are tried at each operation (default 2).
#include <algorithm>
#include <filesystem>
#include <iostream>

#include "engine/ops/epoch/collect.h"
#include "engine/ops/retention/forget.h"
#include "engine/ops/retention/policies.h"
#include "engine/store/local.h"
#include "tests/support/memory_disk.h"
#include "tests/support/repository_fixture.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace fs = std::filesystem;

namespace {

std::uint64_t leftover_count() {
  const char* given = std::getenv("KIST_LEFTOVERS");  // NOLINT(concurrency-mt-unsafe)
  return given == nullptr ? 2 : std::strtoull(given, nullptr, 10);
}

enum class LocalView { absent, torn, before, as_left };

constexpr std::array views = {LocalView::absent, LocalView::torn, LocalView::before,
                              LocalView::as_left};

void copy_tree(const std::string& from, const std::string& to) {
  fs::remove_all(to);
  if (fs::exists(from)) fs::copy(from, to, fs::copy_options::recursive);
}

// Cuts every file of a local state short but those that are only ever replaced whole. (Other bytes
// in LMDB's pages end the process once: tests/cli has those.)
void tear(const std::string& directory, std::uint64_t seed) {
  SeededRandom random(seed);
  for (const auto& file : fs::recursive_directory_iterator(directory)) {
    const std::string name = file.path().filename().string();
    if (!file.is_regular_file() || name == "head" || name == "slot") continue;
    Bytes bytes = slurp(file.path().string());
    if (!bytes.empty()) bytes.resize(random.next() % bytes.size());
    write_file(file.path().string(), bytes);
  }
}

// A machine with a disk and a local state that it did not make itself.
struct CrashedMachine : Machine {
  CrashedMachine(MemoryDisk& disk, std::uint64_t seed)
      : Machine(open_local_store(disk.open()), seed) {}
};

std::string findings(const VerifyReport& report) {
  std::string out;
  for (const Finding& finding : report.findings) {
    out += finding.object + ": " + finding.problem + "\n";
  }
  return out;
}

// One verb under test. `before` prepares the disk; `run` does the act, and says afterwards whether
// it was acknowledged; `check` throws, or returns what is wrong.
struct Verb {
  std::string name;
  std::function<void(Machine&)> before;
  std::function<void(Machine&)> run;
  std::function<std::string(Machine&, bool acknowledged)> check;
};

struct Tally {
  std::uint64_t states = 0;
  std::uint64_t bad = 0;
  std::string first;

  void note(const std::string& where, const std::string& problem) {
    ++states;
    if (problem.empty()) return;
    if (bad++ == 0) first = where + ": " + problem;
  }
};

std::string check_guarded(const Verb& verb, Machine& machine, bool acknowledged) {
  try {
    return verb.check(machine, acknowledged);
  } catch (const Error& error) {
    return error.text();
  }
}

// Every state that a crash at operation `at` may leave.
void try_crash(const Verb& verb,
               const MemoryDisk& start,
               const std::string& start_state,
               MemoryDisk::Plan plan,
               Tally& tally) {
  MemoryDisk disk = start;
  CrashedMachine crashed(disk, 1000 + plan.crash_at);
  crashed.clock.advance_ms(120'000);
  copy_tree(start_state, crashed.state.path());
  disk.plan(plan);
  bool acknowledged = false;
  try {
    verb.run(crashed);
    acknowledged = true;
  } catch (const Crashed&) {
  }
  for (std::uint64_t seed = 0; seed < leftover_count(); ++seed) {
    for (const LocalView view : views) {
      MemoryDisk left = disk.after_crash(seed * 7 + plan.crash_at);
      CrashedMachine machine(left, 5000 + seed);
      machine.clock.advance_ms(240'000);
      if (view == LocalView::before) copy_tree(start_state, machine.state.path());
      if (view == LocalView::as_left || view == LocalView::torn) {
        copy_tree(crashed.state.path(), machine.state.path());
      }
      if (view == LocalView::torn) tear(machine.state.path(), seed + plan.crash_at);
      tally.note(concat(verb.name, " cut at operation ", plan.crash_at, ", leftover ", seed,
                        ", local view ", static_cast<int>(view)),
                 check_guarded(verb, machine, acknowledged));
    }
  }
}

Tally try_every_crash(const Verb& verb, MemoryDisk::Plan plan = {}, std::uint64_t step = 1) {
  MemoryDisk start;
  CrashedMachine preparing(start, 1);
  verb.before(preparing);
  MemoryDisk counted = start;
  {
    CrashedMachine machine(counted, 999);
    machine.clock.advance_ms(120'000);
    copy_tree(preparing.state.path(), machine.state.path());
    counted.plan({});
    verb.run(machine);
  }
  const std::uint64_t operations = counted.operation_count();
  Tally tally;
  for (std::uint64_t at = 0; at <= operations; at += step * stride()) {
    plan.crash_at = at;
    try_crash(verb, start, preparing.state.path(), plan, tally);
  }
  std::cout << verb.name << ": " << operations << " operations, " << tally.states << " states, "
            << tally.bad << " bad\n";
  return tally;
}

struct Trees {
  Trees() {
    fs::create_directories(source / "tree/sub");
    SeededRandom random(seed());
    write_file(source / "tree/a", random_bytes(random, 90'000));
    write_file(source / "tree/sub/b", random_bytes(random, 300));
    age_tree(source / "tree");
    fs::create_directories(source / "other");
    write_file(source / "other/c", random_bytes(random, 50'000));
    age_tree(source / "other");
  }

  void backup(Machine& machine, Repository& repository, std::uint64_t checkpoint_bytes) const {
    BackupOptions options;
    options.paths = {source / "tree"};
    options.source = "test";
    options.host = "host";
    options.threads = 1;
    options.pending_bytes = checkpoint_bytes;
    machine.clock.advance_ms(60'000);
    kist::backup(repository, options);
  }

  // The tree as it was backed up must come back from the newest snapshot of the source.
  [[nodiscard]] std::string restored_wrong(Machine& machine, Repository& repository) const {
    const TemporaryDirectory out;
    const Selection newest = select(repository, "latest@test");
    machine.restore(repository, newest.snapshot->taken.snapshot, source / "tree", out / "o");
    const auto differences = compare_trees(source / "tree", out / "o");
    return differences.empty() ? "" : "restored wrong: " + differences.front();
  }

  TemporaryDirectory source;
};

std::size_t complete_count(const Repository& repository) {
  const auto live = repository.state().live_snapshots();
  return static_cast<std::size_t>(
      std::ranges::count_if(live, [](const SnapshotPtr& s) { return !s->taken.is_pending; }));
}

Verb backup_verb(const Trees& trees, std::uint64_t checkpoint_bytes) {
  const auto run = [&trees, checkpoint_bytes](Machine& machine, Repository& repository) {
    trees.backup(machine, repository, checkpoint_bytes);
  };
  return {.name = checkpoint_bytes == 0 ? "backup" : "backup with checkpoints",
          .before =
              [&trees](Machine& machine) {
                Repository repository = machine.init();
                BackupOptions options;
                options.paths = {trees.source / "other"};
                options.source = "other";
                options.host = "host";
                backup(repository, options);
              },
          .run =
              [run](Machine& machine) {
                Repository repository = machine.open();
                run(machine, repository);
              },
          .check = [&trees, run](Machine& machine, bool acknowledged) -> std::string {
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
          .before = [](Machine&) {},
          .run = [](Machine& machine) { machine.init(); },
          .check = [](Machine& machine, bool acknowledged) -> std::string {
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

// What a command that was cut off has left, and no entry names, is no loss: it is said, and a
// repair or the next epoch's end removes it.
bool is_leftover(const Finding& finding) {
  return finding.remedy == Remedy::remove || finding.remedy == Remedy::wait;
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

bool opens_with(Machine& machine, std::uint8_t fill) {
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
          .before = [](Machine& machine) { machine.init(); },
          .run =
              [](Machine& machine) {
                Repository repository = machine.open();
                add_slot(repository, Machine::credential(9), {}, "second");
              },
          .check = [](Machine& machine, bool acknowledged) -> std::string {
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
              [&trees](Machine& machine) {
                Repository repository = machine.init();
                trees.backup(machine, repository, 0);
                add_slot(repository, Machine::credential(9), {}, "second", writer_capabilities);
              },
          .run =
              [second](Machine& machine) {
                Repository repository = machine.open();
                end_epoch(repository, {.revoked = {second(repository)}});
              },
          .check = [&trees, second](Machine& machine, bool acknowledged) -> std::string {
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

// A snapshot of another tree is forgotten, and its space comes back while a third one stays.
Verb collect_verb(const Trees& trees) {
  const auto run = [](Repository& repository) {
    const Selection gone = select(repository, "latest@other");
    static_cast<void>(forget(
        repository,
        {.snapshots = {gone.snapshot->taken.snapshot}, .reason = "a test", .may_take_last = true}));
    static_cast<void>(collect(repository, {.unused_percent = 0, .threads = 1}));
  };
  return {.name = "collect",
          .before =
              [&trees](Machine& machine) {
                Repository repository = machine.init();
                static_cast<void>(set_policy(
                    repository, "default",
                    [](Policy& policy) { policy.minimum_seconds = policy.grace_seconds = 0; },
                    "a test"));
                BackupOptions options;
                options.paths = {trees.source / "other", trees.source / "tree"};
                options.source = "other";
                options.threads = 1;
                backup(repository, options);
                trees.backup(machine, repository, 0);
              },
          .run =
              [run](Machine& machine) {
                Repository repository = machine.open();
                run(repository);
              },
          .check = [&trees](Machine& machine, bool acknowledged) -> std::string {
            Repository repository = machine.open();
            VerifyReport report = verify(repository, {.level = VerifyLevel::content});
            std::erase_if(report.findings, is_leftover);
            if (!report.findings.empty()) return findings(report);
            const auto all = repository.state().all_snapshots();
            if (acknowledged && !all.front()->has_ended()) return "nothing has ended";
            std::string wrong = trees.restored_wrong(machine, repository);
            if (!wrong.empty()) return wrong;
            static_cast<void>(collect(repository, {.unused_percent = 0, .threads = 1}));
            static_cast<void>(verify(repository, {.repairs = true}));
            report = verify(repository, {.level = VerifyLevel::content});
            if (!report.findings.empty()) return "after the next: " + findings(report);
            return trees.restored_wrong(machine, repository);
          }};
}

Verb passwd_verb() {
  return {.name = "key passwd",
          .before = [](Machine& machine) { machine.init(); },
          .run =
              [](Machine& machine) {
                Repository repository = machine.open();
                rewrap_slot(repository, Machine::credential(9), {});
              },
          .check = [](Machine& machine, bool acknowledged) -> std::string {
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

TEST_CASE("a power cut at operations of forget and collect loses nothing that is needed",
          "[.more]") {
  const Trees trees;
  // There are many: every one, by hand.
  const Tally tally = try_every_crash(collect_verb(trees), {}, 7);
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
