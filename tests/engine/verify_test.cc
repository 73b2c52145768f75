// What verify says of damage, and what --repair makes of it.
#include <algorithm>
#include <filesystem>

#include "engine/format/names.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

struct Verified : TreeWorld {
  Verified() { backup(); }

  VerifyReport run(bool repairs, VerifyLevel level = VerifyLevel::content) {
    return verify(repository, {.level = level, .threads = 2, .repairs = repairs});
  }
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
  damage_large_packs(*run.store);
  const VerifyReport report = run.run(false);
  REQUIRE(std::ranges::any_of(report.findings, [](const Finding& f) { return f.offset > 0U; }));
  REQUIRE(report.hurt_count > 0);
  const RestoreResult restored = run.restore();
  // Those that verify names, and no others, are not restored (further names of a file with it).
  for (const HurtPath& hurt : report.hurt) {
    const std::string path = "/" + hurt.path;
    const std::string there = run.out() + path.substr(run.tree().size());
    INFO(there);
    REQUIRE_FALSE(std::filesystem::exists(there));
  }
  REQUIRE(restored.problems >= report.hurt_count);
}

TEST_CASE(
    "after repair the next backup stores again what was damaged, and old snapshots are whole") {
  Verified run;
  const SnapshotId first = run.snapshot;
  damage_large_packs(*run.store);
  REQUIRE(run.backup().statistics.blocks_new == 0);
  REQUIRE(run.run(true).hurt_count > 0);
  const BackupResult again = run.backup();
  REQUIRE(again.statistics.blocks_new > 0);
  run.repository.local().forget_file_caches();  // once is enough, also for who reads all again
  REQUIRE(run.backup().statistics.blocks_new == 0);
  const VerifyReport report = run.run(false);
  REQUIRE(report.hurt_count == 0);
  REQUIRE_FALSE(report.findings.empty());  // the damaged packs are still there
  run.snapshot = first;
  const RestoreResult restored = run.restore();
  REQUIRE(restored.problems == 0);
  REQUIRE(run.differences().empty());
}
