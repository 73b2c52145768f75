#include "tests/crash/every_crash.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "engine/ops/backup/backup.h"
#include "engine/ops/browse/selection.h"
#include "tests/support/test.h"

namespace fs = std::filesystem;

namespace kist::test {

namespace {

std::uint64_t leftover_count() {
  const char* given = std::getenv("KIST_LEFTOVERS");  // NOLINT(concurrency-mt-unsafe)
  return given == nullptr ? 2 : std::strtoull(given, nullptr, 10);
}

enum class LocalView { absent, torn, before, as_left };

constexpr std::array views = {LocalView::absent, LocalView::torn, LocalView::before,
                              LocalView::as_left};

}  // namespace

void copy_tree(const std::string& from, const std::string& to) {
  fs::remove_all(to);
  if (fs::exists(from)) fs::copy(from, to, fs::copy_options::recursive);
}

namespace {

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

}  // namespace

std::string findings(const VerifyReport& report) {
  std::string out;
  for (const Finding& finding : report.findings) {
    out += finding.object + ": " + finding.problem + "\n";
  }
  return out;
}

void Tally::note(const std::string& where, const std::string& problem) {
  ++states;
  if (problem.empty()) return;
  if (bad++ == 0) first = where + ": " + problem;
}

bool is_leftover(const Finding& finding) {
  return finding.remedy == Remedy::remove || finding.remedy == Remedy::wait;
}

namespace {

std::string check_guarded(const Verb& verb, CrashedMachine& machine, bool acknowledged) {
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

}  // namespace

Tally try_every_crash(const Verb& verb, MemoryDisk::Plan plan, std::uint64_t step) {
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
  if (std::getenv("KIST_EVERY") != nullptr) step = 1;  // NOLINT(concurrency-mt-unsafe)
  for (std::uint64_t at = 0; at <= operations; at += step * stride()) {
    plan.crash_at = at;
    try_crash(verb, start, preparing.state.path(), plan, tally);
  }
  std::cout << verb.name << ": " << operations << " operations, " << tally.states << " states, "
            << tally.bad << " bad\n";
  return tally;
}

Trees::Trees() {
  fs::create_directories(source / "tree/sub");
  SeededRandom random(seed());
  write_file(source / "tree/a", random_bytes(random, 90'000));
  write_file(source / "tree/sub/b", random_bytes(random, 300));
  age_tree(source / "tree");
  fs::create_directories(source / "other");
  write_file(source / "other/c", random_bytes(random, 50'000));
  age_tree(source / "other");
}

void Trees::backup(Machine& machine, Repository& repository, std::uint64_t checkpoint_bytes) const {
  BackupOptions options;
  options.paths = {source / "tree"};
  options.source = "test";
  options.host = "host";
  options.threads = 1;
  options.pending_bytes = checkpoint_bytes;
  machine.clock.advance_ms(60'000);
  kist::backup(repository, options);
}

std::string Trees::restored_wrong(Machine& machine,
                                  Repository& repository,
                                  const std::string& source_name,
                                  const std::string& tree) const {
  const TemporaryDirectory out;
  const Selection newest = select(repository, "latest@" + source_name);
  machine.restore(repository, newest.snapshot->taken.snapshot, source / tree, out / "o");
  const auto differences = compare_trees(source / tree, out / "o");
  return differences.empty() ? "" : "restored wrong: " + differences.front();
}

}  // namespace kist::test
