// What verify says of damage, and what --repair makes of it.
#include <algorithm>
#include <filesystem>

#include "engine/format/names.h"
#include "tests/support/repository_fixture.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

struct Verified {
  Verified() {
    make_tree(source / "tree", seed());
    age_tree(source / "tree");
    snapshot = machine.backup(repository, source / "tree").snapshot;
  }

  VerifyReport run(bool repairs, VerifyLevel level = VerifyLevel::content) {
    return verify(repository, {.level = level, .threads = 2, .repairs = repairs});
  }

  // Flips a bit in the middle of every large pack.
  void damage_packs() {
    for (const auto& [name, bytes] : store->objects()) {
      if (!name.starts_with("packs/") || bytes.size() < (1U << 20U)) continue;
      Bytes damaged = bytes;
      damaged[300'000] ^= 1;
      store->overwrite(name, damaged);
    }
  }

  TemporaryDirectory source;
  std::shared_ptr<MemoryStore> store = std::make_shared<MemoryStore>();
  Machine machine{store};
  Repository repository = machine.init();
  SnapshotId snapshot;
};

}  // namespace

TEST_CASE("repair writes a damaged or missing copy anew from the good one, whichever it is") {
  Verified run;
  const auto good = run.store->objects();
  for (const auto& [name, bytes] : good) {
    if (!good.contains(second_copy_path(name))) continue;
    for (const std::string& copy : {name, second_copy_path(name)}) {
      for (const bool is_absent : {false, true}) {
        INFO(copy << (is_absent ? " absent" : " damaged"));
        if (is_absent) {
          run.store->remove(copy);
        } else {
          Bytes damaged = bytes;
          damaged[damaged.size() / 2] ^= 4;
          run.store->overwrite(copy, damaged);
        }
        const VerifyReport report = run.run(true, VerifyLevel::structure);
        REQUIRE(report.healed == report.findings.size());
        REQUIRE(report.healed == 1);
        REQUIRE((run.store->objects() == good));
      }
    }
  }
}

TEST_CASE("repair removes nothing where both copies are damaged") {
  Verified run;
  const auto good = run.store->objects();
  for (const auto& [name, bytes] : good) {
    if (!name.starts_with("keys/") && !name.starts_with("bodies/")) continue;
    Bytes damaged = bytes;
    damaged[damaged.size() / 2] ^= 4;
    run.store->overwrite(name, damaged);
  }
  const auto before = run.store->objects();
  const VerifyReport report = run.run(true);
  REQUIRE(report.healed == 0);
  REQUIRE_FALSE(report.findings.empty());
  REQUIRE((run.store->objects() == before));
}

TEST_CASE("verify names the frame, its place, and every path that is lost with it") {
  Verified run;
  run.damage_packs();
  const VerifyReport report = run.run(false);
  REQUIRE(std::ranges::any_of(report.findings, [](const Finding& f) { return f.offset > 0U; }));
  REQUIRE(report.hurt_count > 0);
  const RestoreResult restored =
      run.machine.restore(run.repository, run.snapshot, run.source / "tree", run.source / "out");
  // Those that verify names, and no others, are not restored (further names of a file with it).
  for (const HurtPath& hurt : report.hurt) {
    const std::string path = "/" + hurt.path;
    const std::string there = (run.source / "out") + path.substr((run.source / "tree").size());
    INFO(there);
    REQUIRE_FALSE(std::filesystem::exists(there));
  }
  REQUIRE(restored.problems >= report.hurt_count);
}

TEST_CASE(
    "after repair the next backup stores again what was damaged, and old snapshots are whole") {
  Verified run;
  run.damage_packs();
  REQUIRE(run.machine.backup(run.repository, run.source / "tree").statistics.blocks_new == 0);
  REQUIRE(run.run(true).hurt_count > 0);
  const BackupResult again = run.machine.backup(run.repository, run.source / "tree");
  REQUIRE(again.statistics.blocks_new > 0);
  run.repository.local().forget_file_caches();  // once is enough, also for who reads all again
  REQUIRE(run.machine.backup(run.repository, run.source / "tree").statistics.blocks_new == 0);
  const VerifyReport report = run.run(false);
  REQUIRE(report.hurt_count == 0);
  REQUIRE_FALSE(report.findings.empty());  // the damaged packs are still there
  const RestoreResult restored =
      run.machine.restore(run.repository, run.snapshot, run.source / "tree", run.source / "out");
  REQUIRE(restored.problems == 0);
  REQUIRE(compare_trees(run.source / "tree", run.source / "out").empty());
}
