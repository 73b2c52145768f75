// Power cuts in forget and collect: alone, and beside a writer.
#include <algorithm>

#include "engine/ops/epoch/collect.h"
#include "engine/ops/retention/forget.h"
#include "engine/ops/retention/policies.h"
#include "tests/crash/every_crash.h"
#include "tests/support/forwarding_store.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

constexpr std::uint8_t writer_fill = 9;

// A policy that keeps nothing by force, a snapshot "other" that is to go, and one "test" that
// stays.
void prepare(CrashedMachine& machine, const Trees& trees) {
  Repository repository = machine.init();
  static_cast<void>(set_policy(
      repository, "default",
      [](Policy& policy) { policy.minimum_seconds = policy.grace_seconds = 0; }, "a test"));
  BackupOptions options;
  options.paths = {trees.source / "other", trees.source / "tree"};
  options.source = "other";
  options.threads = 1;
  backup(repository, options);
  trees.backup(machine, repository, 0);
}

void forget_other(Repository& repository) {
  const Selection gone = select(repository, "latest@other");
  static_cast<void>(forget(
      repository,
      {.snapshots = {gone.snapshot->taken.snapshot}, .reason = "a test", .may_take_last = true}));
}

void collect_all(Repository& repository) {
  static_cast<void>(collect(repository, {.unused_percent = 0, .threads = 1}));
}

std::string damage_in(Repository& repository) {
  VerifyReport report = verify(repository, {.level = VerifyLevel::content});
  std::erase_if(report.findings, is_leftover);
  return findings(report);
}

// A later run finishes what was begun, and leaves nothing over.
std::string wrong_after_next(Repository& repository) {
  collect_all(repository);
  static_cast<void>(verify(repository, {.repairs = true}));
  const VerifyReport report = verify(repository, {.level = VerifyLevel::content});
  return report.findings.empty() ? "" : "after the next: " + findings(report);
}

Verb collect_verb(const Trees& trees) {
  return {.name = "collect",
          .before = [&trees](CrashedMachine& machine) { prepare(machine, trees); },
          .run =
              [](CrashedMachine& machine) {
                Repository repository = machine.open();
                forget_other(repository);
                collect_all(repository);
              },
          .check = [&trees](CrashedMachine& machine, bool acknowledged) -> std::string {
            Repository repository = machine.open();
            std::string wrong = damage_in(repository);
            if (!wrong.empty()) return wrong;
            const auto all = repository.state().all_snapshots();
            if (acknowledged && !all.front()->has_ended()) return "nothing has ended";
            wrong = trees.restored_wrong(machine, repository);
            if (wrong.empty()) wrong = wrong_after_next(repository);
            return wrong.empty() ? trees.restored_wrong(machine, repository) : wrong;
          }};
}

// Calls what it is given at the first barrier, and before the first entry is put: what a writer has
// stored is durable then, and nobody names it.
class InterruptedStore final : public ForwardingStore {
 public:
  InterruptedStore(Store& store, std::function<void()> at_barrier, std::function<void()> at_entry)
      : ForwardingStore(store),
        at_barrier_(std::move(at_barrier)),
        at_entry_(std::move(at_entry)) {}

  void barrier() override {
    ForwardingStore::barrier();
    call_once(at_barrier_);
  }

  bool put_if_absent(const std::string& path, View bytes) override {
    if (path.starts_with("journal/")) call_once(at_entry_);
    return ForwardingStore::put_if_absent(path, bytes);
  }

 private:
  static void call_once(std::function<void()>& work) {
    if (const auto now = std::exchange(work, {})) now();
  }

  std::function<void()> at_barrier_;
  std::function<void()> at_entry_;
};

// A writer on the same disk. It backs up what the snapshot "other" has held.
struct Writer : CrashedMachine {
  using CrashedMachine::CrashedMachine;

  void back_up(const Trees& trees) {
    Repository repository = open(writer_fill);
    clock.advance_ms(180'000);
    BackupOptions options;
    options.paths = {trees.source / "other"};
    options.source = "writer";
    options.host = "host";
    options.threads = 1;
    static_cast<void>(kist::backup(repository, options));
    is_acknowledged = true;
  }

  bool is_acknowledged = false;
};

// While a writer backs up, what it relies on is forgotten and collected: first when all that is new
// is stored, then once more when its entry comes; and once more afterwards.
Verb collect_beside_writer_verb(const Trees& trees) {
  const auto writer = std::make_shared<std::unique_ptr<Writer>>();  // of the last run
  return {.name = "collect beside a writer",
          .before =
              [&trees](CrashedMachine& machine) {
                prepare(machine, trees);
                Repository repository = machine.open();
                add_slot(repository, Machine::credential(writer_fill), argon2_floor, "writer",
                         writer_capabilities);
              },
          .run =
              [&trees, writer](CrashedMachine& machine) {
                *writer = std::make_unique<Writer>(machine.disk, 77);
                Repository repository = machine.open();
                const std::shared_ptr<Store> whole = (*writer)->store;
                (*writer)->store = std::make_shared<InterruptedStore>(
                    *whole,
                    [&] {
                      repository.journal().replay();
                      forget_other(repository);
                      collect_all(repository);
                    },
                    [&] { collect_all(repository); });
                (*writer)->back_up(trees);
                collect_all(repository);
              },
          .check = [&trees, writer](CrashedMachine& machine, bool acknowledged) -> std::string {
            Repository repository = machine.open();
            std::string wrong = damage_in(repository);
            if (wrong.empty()) wrong = trees.restored_wrong(machine, repository);
            if (wrong.empty() && (*writer)->is_acknowledged) {
              wrong = trees.restored_wrong(machine, repository, "writer", "other");
            }
            if (!wrong.empty()) return wrong;
            const auto all = repository.state().all_snapshots();
            if (acknowledged && !all.front()->has_ended()) return "nothing has ended";
            Writer next(machine.disk, 78);
            copy_tree((*writer)->state.path(), next.state.path());
            next.back_up(trees);
            repository.journal().replay();
            wrong = wrong_after_next(repository);
            if (wrong.empty()) wrong = trees.restored_wrong(machine, repository);
            return wrong.empty() ? trees.restored_wrong(machine, repository, "writer", "other")
                                 : wrong;
          }};
}

}  // namespace

TEST_CASE("a power cut at operations of forget and collect loses nothing that is needed",
          "[.more]") {
  const Trees trees;
  const Tally tally = try_every_crash(collect_verb(trees), {}, 7);
  INFO(tally.first);
  REQUIRE(tally.bad == 0);
}

TEST_CASE("a power cut at operations of a collection beside a writer loses nothing", "[.more]") {
  const Trees trees;
  const Tally tally = try_every_crash(collect_beside_writer_verb(trees), {}, 21);
  INFO(tally.first);
  REQUIRE(tally.bad == 0);
}
