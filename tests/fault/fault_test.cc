// Every operation on the store goes wrong once, each in every way: an error, no room, a short read,
// a flipped bit. What is reported as done is done; what is restored is right or reported; the
// repository verifies once the disk is well again.
#include <algorithm>
#include <filesystem>
#include <iostream>

#include "engine/ops/epoch/collect.h"
#include "engine/ops/retention/expire.h"
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

constexpr std::array faults = {Fault::io_error, Fault::no_space, Fault::short_read,
                               Fault::flipped_bit};
constexpr std::array<std::string_view, 5> fault_names = {"none", "I/O error", "no space",
                                                         "short read", "flipped bit"};

std::string findings(const VerifyReport& report) {
  std::string out;
  for (const Finding& finding : report.findings) {
    out += finding.object + ": " + finding.problem + "\n";
  }
  return out;
}

struct DiskMachine : Machine {
  DiskMachine(MemoryDisk& disk, std::uint64_t seed)
      : Machine(open_local_store(disk.open()), seed) {}
};

struct Bench {
  Bench() {
    fs::create_directories(source / "tree/sub");
    SeededRandom random(seed());
    write_file(source / "tree/a", random_bytes(random, 90'000));
    write_file(source / "tree/sub/b", random_bytes(random, 300));
    write_file(source / "tree/sub/c", random_bytes(random, 40'000));
    age_tree(source / "tree");
  }

  BackupResult backup(Machine& machine, Repository& repository) const {
    BackupOptions options;
    options.paths = {source / "tree"};
    options.source = "test";
    options.host = "host";
    options.threads = 1;
    options.pending_bytes = 60'000;
    machine.clock.advance_ms(60'000);
    return kist::backup(repository, options);
  }

  TemporaryDirectory source;
};

// Runs `act` with the n-th operation failing, for every n until it is not reached; `judge` looks at
// the disk afterwards, well again, and says what is wrong.
struct Outcome {
  bool succeeded = false;
  std::string error;
};

template <typename Act, typename Judge>
void for_every_fault(const std::string& name,
                     const MemoryDisk& start,
                     const Act& act,
                     const Judge& judge,
                     std::uint64_t step = 1) {
  for (const Fault fault : faults) {
    std::uint64_t failures = 0;
    std::uint64_t successes = 0;
    for (std::uint64_t at = 0;; at += step * stride()) {
      MemoryDisk disk = start;
      DiskMachine machine(disk, 77);
      disk.plan({.fault_at = at, .fault = fault});
      Outcome outcome;
      try {
        act(machine);
        outcome.succeeded = true;
        ++successes;
      } catch (const Error& error) {
        outcome.error = error.text();
        ++failures;
      }
      const bool has_faulted = disk.has_faulted();
      disk.plan({});
      INFO(name << ", operation " << at << ": " << fault_names.at(static_cast<std::size_t>(fault))
                << "; " << outcome.error);
      if (!outcome.succeeded) REQUIRE_FALSE(outcome.error.empty());
      DiskMachine well(disk, 78);
      const std::string wrong = judge(well, machine, outcome, has_faulted ? fault : Fault::none);
      REQUIRE(wrong.empty());
      if (!has_faulted) break;
    }
    std::cout << name << ", " << fault_names.at(static_cast<std::size_t>(fault)) << ": " << failures
              << " clear errors, " << successes << " successes\n";
  }
}

MemoryDisk prepared(const Bench* bench) {
  MemoryDisk disk;
  DiskMachine machine(disk, 1);
  Repository repository = machine.init();
  if (bench != nullptr) bench->backup(machine, repository);
  return disk;
}

}  // namespace

TEST_CASE("no failing operation makes a backup claim what is not so") {
  const Bench bench;
  for_every_fault(
      "backup", prepared(nullptr),
      [&](Machine& machine) {
        Repository repository = machine.open();
        bench.backup(machine, repository);
      },
      [&](Machine& well, Machine&, const Outcome& outcome, Fault fault) -> std::string {
        Repository repository = well.open();
        std::string wrong = findings(verify(repository, {.level = VerifyLevel::content}));
        if (fault == Fault::flipped_bit) return "";  // see the next test
        if (!wrong.empty()) return wrong;
        if (outcome.succeeded) {
          const Selection newest = select(repository, "latest@test");
          const TemporaryDirectory out;
          well.restore(repository, newest.snapshot->taken.snapshot, bench.source / "tree",
                       out / "o");
          if (!compare_trees(bench.source / "tree", out / "o").empty()) return "restored wrong";
        }
        bench.backup(well, repository);
        return findings(verify(repository, {.level = VerifyLevel::content}));
      });
}

TEST_CASE("a bit that flips on its way to the disk is found by verify, and never restored") {
  const Bench bench;
  const MemoryDisk start = prepared(nullptr);
  std::uint64_t found = 0;
  for (std::uint64_t at = 0;; ++at) {  // all of them: few are writes
    MemoryDisk disk = start;
    DiskMachine machine(disk, 77);
    disk.plan({.fault_at = at, .fault = Fault::flipped_bit});
    bool succeeded = false;
    try {
      Repository repository = machine.open();
      bench.backup(machine, repository);
      succeeded = true;
    } catch (const Error&) {
    }
    const bool has_faulted = disk.has_faulted();
    disk.plan({});
    INFO("operation " << at);
    if (succeeded) {
      DiskMachine well(disk, 78);
      Repository repository = well.open();
      const VerifyReport report = verify(repository, {.level = VerifyLevel::content});
      if (!report.findings.empty()) ++found;
      const Selection newest = select(repository, "latest@test");
      const TemporaryDirectory out;
      RestoreResult restored;
      try {
        restored = well.restore(repository, newest.snapshot->taken.snapshot, bench.source / "tree",
                                out / "o");
      } catch (const Error&) {
        REQUIRE_FALSE(report.findings.empty());
        continue;
      }
      if (restored.problems > 0) {
        REQUIRE_FALSE(report.findings.empty());
      } else {
        REQUIRE(compare_trees(bench.source / "tree", out / "o").empty());
      }
    }
    if (!has_faulted) break;
  }
  std::cout << "backup, flipped bit: verify found " << found << "\n";
  REQUIRE(found > 10);
}

TEST_CASE("no failing operation makes a restore write what was not backed up") {
  const Bench bench;
  const MemoryDisk start = prepared(&bench);
  TemporaryDirectory out;
  RestoreResult restored;
  for_every_fault(
      "restore", start,
      [&](Machine& machine) {
        fs::remove_all(out / "o");
        Repository repository = machine.open();
        const Selection newest = select(repository, "latest@test");
        restored = machine.restore(repository, newest.snapshot->taken.snapshot,
                                   bench.source / "tree", out / "o");
      },
      [&](Machine&, Machine&, const Outcome& outcome, Fault) -> std::string {
        for (const std::string file : {"a", "sub/b", "sub/c"}) {
          const std::string path = out / ("o/" + file);
          const bool is_whole =
              fs::exists(path) && slurp(path) == slurp(bench.source / ("tree/" + file));
          if (fs::exists(path) && !is_whole) return file + " is wrong";
          if (outcome.succeeded && restored.problems == 0 && !is_whole) return file + " is absent";
        }
        return "";
      });
}

TEST_CASE("no failing operation makes verify call a good repository damaged for ever, or lie") {
  const Bench bench;
  for_every_fault(
      "verify", prepared(&bench),
      [&](Machine& machine) {
        Repository repository = machine.open();
        static_cast<void>(verify(repository, {.level = VerifyLevel::content}));
      },
      [&](Machine& well, Machine&, const Outcome&, Fault fault) -> std::string {
        Repository repository = well.open();
        // A copy of its own entry that the disk has spoilt is found, and can be mended.
        const bool may_be_damaged = fault == Fault::flipped_bit;
        static_cast<void>(verify(repository, {.repairs = may_be_damaged}));
        return findings(verify(repository, {.level = VerifyLevel::content}));
      });
}

TEST_CASE("no failing operation of init, key add or passwd locks the owner out") {
  for_every_fault(
      "init", MemoryDisk(), [&](Machine& machine) { machine.init(); },
      [&](Machine& well, Machine&, const Outcome& outcome, Fault fault) -> std::string {
        if (fault == Fault::flipped_bit) return "";
        if (!well.store->size("kist.repo")) return outcome.succeeded ? "nothing is there" : "";
        Repository repository = well.open();
        return findings(verify(repository, {.level = VerifyLevel::content}));
      });
  for_every_fault(
      "key add", prepared(nullptr),
      [&](Machine& machine) {
        Repository repository = machine.open();
        add_slot(repository, Machine::credential(9), {}, "second");
      },
      [&](Machine& well, Machine&, const Outcome& outcome, Fault) -> std::string {
        well.open();
        if (!outcome.succeeded) return "";
        open_repository(well.store, Machine::credential(9),
                        {.state_parent = well.state.path(), .slot = {}}, well.services());
        return "";
      });
  for_every_fault(
      "key passwd", prepared(nullptr),
      [&](Machine& machine) {
        Repository repository = machine.open();
        rewrap_slot(repository, Machine::credential(9), {});
      },
      [&](Machine& well, Machine&, const Outcome& outcome, Fault) -> std::string {
        const auto opens = [&](std::uint8_t fill) {
          try {
            open_repository(well.store, Machine::credential(fill),
                            {.state_parent = well.state.path(), .slot = {}}, well.services());
            return true;
          } catch (const Error&) {
            return false;
          }
        };
        if (outcome.succeeded && !opens(9)) return "the new key does not open";
        return opens(9) || opens(7) ? "" : "the owner is locked out";
      });
}

TEST_CASE("no failing operation of an epoch's end loses a key or locks anybody out") {
  const Bench bench;
  MemoryDisk start = prepared(&bench);
  {
    DiskMachine machine(start, 2);
    Repository repository = machine.open();
    add_slot(repository, Machine::credential(9), {}, "second", reader_capabilities);
  }
  for_every_fault(
      "key rotate", start,
      [&](Machine& machine) {
        Repository repository = machine.open();
        end_epoch(repository, {});
      },
      [&](Machine& well, Machine&, const Outcome& outcome, Fault) -> std::string {
        Repository repository = well.open();
        if (outcome.succeeded && repository.state().epoch_number != 1) return "no epoch has begun";
        static_cast<void>(verify(repository, {.repairs = true}));
        end_epoch(repository, {});
        std::string wrong = findings(verify(repository, {.level = VerifyLevel::content}));
        if (!wrong.empty()) return wrong;
        DiskMachine other(start, 5);
        Repository reader =
            open_repository(well.store, Machine::credential(9),
                            {.state_parent = other.state.path(), .slot = {}}, other.services());
        const Selection newest = select(reader, "latest@test");
        const TemporaryDirectory out;
        other.restore(reader, newest.snapshot->taken.snapshot, bench.source / "tree", out / "o");
        return compare_trees(bench.source / "tree", out / "o").empty() ? "" : "restored wrong";
      });
}

TEST_CASE("no failing operation of a collection removes what is needed, or keeps it from its end") {
  const Bench bench;
  MemoryDisk start = prepared(&bench);
  SnapshotId gone;
  {
    DiskMachine machine(start, 2);
    Repository repository = machine.open();
    static_cast<void>(set_policy(
        repository, "default",
        [](Policy& policy) { policy.minimum_seconds = policy.grace_seconds = 0; }, "a test"));
    SeededRandom random(seed());
    write_file(bench.source / "tree/gone", random_bytes(random, 300'000));
    write_file(bench.source / "tree/stays", random_bytes(random, 40'000));
    gone = bench.backup(machine, repository).snapshot;
    std::filesystem::remove(bench.source / "tree/gone");
    static_cast<void>(bench.backup(machine, repository));
    static_cast<void>(
        forget(repository, {.snapshots = {gone}, .reason = "a test", .may_take_last = true}));
  }
  const CollectOptions options{.unused_percent = 0, .threads = 1};
  for_every_fault(
      "collect", start,
      [&](Machine& machine) {
        machine.clock.advance_ms(3'600'000);
        Repository repository = machine.open();
        static_cast<void>(collect(repository, options));
      },
      [&](Machine& well, Machine&, const Outcome& outcome, Fault) -> std::string {
        well.clock.advance_ms(3'600'000);
        Repository repository = well.open();
        if (outcome.succeeded && !repository.state().snapshots.at(gone).has_ended()) {
          return "it says that it is done, and nothing has ended";
        }
        static_cast<void>(verify(repository, {.repairs = true}));
        static_cast<void>(collect(repository, options));
        if (!repository.state().snapshots.at(gone).has_ended()) return "it cannot end";
        const Selection newest = select(repository, "latest@test");
        const TemporaryDirectory out;
        well.restore(repository, newest.snapshot->taken.snapshot, bench.source / "tree", out / "o");
        if (!compare_trees(bench.source / "tree", out / "o").empty()) return "restored wrong";
        return findings(verify(repository, {.level = VerifyLevel::content}));
      },
      29);  // there are many: every one, by hand
}

TEST_CASE("no failing operation of forget and expire retires what they do not say, or half of it") {
  const Bench bench;
  MemoryDisk start = prepared(&bench);
  SnapshotId taken;
  {
    DiskMachine machine(start, 2);
    Repository repository = machine.open();
    taken = bench.backup(machine, repository).snapshot;
    static_cast<void>(set_policy(
        repository, "default", [](Policy& policy) { policy.daily.count = 1; }, ""));
  }
  for_every_fault(
      "forget and expire", start,
      [&](Machine& machine) {
        machine.clock.advance_ms(3'600'000);
        Repository repository = machine.open();
        static_cast<void>(forget(repository, {.snapshots = {taken}, .reason = "a test"}));
        static_cast<void>(expire(repository, {}));
      },
      [&](Machine& well, Machine&, const Outcome& outcome, Fault) -> std::string {
        well.clock.advance_ms(3'600'000);
        Repository repository = well.open();
        const bool is_retired = repository.state().snapshots.at(taken).is_retired();
        if (outcome.succeeded && !is_retired) return "it is not retired";
        for (const SnapshotPtr& each : repository.state().live_snapshots()) {
          if (each->is_retired() && each->taken.snapshot != taken) return "another is retired";
        }
        static_cast<void>(forget(repository, {.snapshots = {taken}, .reason = "again"}));
        if (!repository.state().snapshots.at(taken).is_retired()) return "it cannot be retired";
        static_cast<void>(verify(repository, {.repairs = true}));
        return findings(verify(repository, {.level = VerifyLevel::content}));
      });
}
