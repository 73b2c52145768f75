// What verify says of damage, and what --repair makes of it.
#include <algorithm>
#include <filesystem>

#include "engine/format/names.h"
#include "tests/support/forged_file.h"
#include "tests/support/roles.h"
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

// How many paths of a snapshot are hurt.
std::uint64_t hurt_count(const VerifyReport& report, const SnapshotId& snapshot, bool restorable) {
  return static_cast<std::uint64_t>(std::ranges::count_if(report.hurt, [&](const HurtPath& path) {
    return path.snapshot == snapshot && path.is_restorable == restorable;
  }));
}

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

TEST_CASE("repair removes nothing where both copies are damaged, and condemns nothing for it") {
  Verified run;
  if (GENERATE(false, true)) run.repository.blocks().index();  // this machine knows the packs
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
    REQUIRE_FALSE(hurt.is_restorable);
    REQUIRE_FALSE(std::filesystem::exists(there));
  }
  REQUIRE(restored.problems >= report.hurt_count);
}

TEST_CASE(
    "after repair the next backup stores again what was damaged, and old snapshots can be "
    "restored") {
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
  REQUIRE_FALSE(report.findings.empty());  // the damaged packs are still there
  // What the former snapshots name is damaged still; another snapshot has what restores them.
  REQUIRE(report.hurt_count > 0);
  REQUIRE(report.restorable_count == report.hurt_count);
  REQUIRE(std::ranges::none_of(
      report.hurt, [&](const HurtPath& path) { return path.snapshot == run.snapshot; }));
  run.snapshot = first;
  const RestoreResult restored = run.restore();
  REQUIRE(restored.problems == 0);
  REQUIRE(run.differences().empty());
}

TEST_CASE("a set that names only a copy that is junk does not pass for one that is whole") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  const Bytes content = random_bytes(roles.content, 5'000);  // one block
  const SnapshotId forged =
      commit_file(evil, roles.other, content, [&](BlockWriter& writer, const BlockId& id) {
        writer.refer(writer.add(PackKind::data, id, Bytes(content.size(), 0x66)));
      });
  // The owner has the same content, whole, in a copy that the forged set does not name.
  write_file(roles.source / "tree/file", content);
  roles.owner_repository.journal().replay();
  roles.owner.backup(roles.owner_repository, roles.source / "tree");
  const VerifyReport report = verify_content(roles.owner_repository);
  REQUIRE(hurt_count(report, forged, true) == 1);
  REQUIRE(report.hurt_count == 1);
  // A restore takes any copy that hashes right.
  const TemporaryDirectory target;
  RestoreOptions options;
  options.snapshot = forged;
  options.target = target / "out";
  REQUIRE(kist::restore(roles.owner_repository, options).problems == 0);
  REQUIRE(slurp(target / "out/file") == content);
}

TEST_CASE("a set that names another slot's copy, for which nobody vouches, is a finding") {
  Roles roles(writer_capabilities);
  add_slot(roles.owner_repository, Machine::credential(5), argon2_floor, "second",
           writer_capabilities);
  Repository honest = roles.open();
  std::filesystem::create_directory(roles.source / "mine");
  const Bytes content = random_bytes(roles.content, 5'000);
  write_file(roles.source / "mine/big", random_bytes(roles.content, 1'500'000));
  write_file(roles.source / "mine/file", content);
  roles.other.clock.advance_ms(60'000);
  BackupOptions options;
  options.paths = {roles.source / "mine"};
  options.source = "mine";
  kist::backup(honest, options);
  std::string pack;  // of these files; its first frame is full of the big one
  for (const std::string& name : names_of(*roles.store, "packs/")) {
    if (roles.store->objects().at(name).size() > 1'000'000) pack = name;
  }
  Machine second(roles.store, 5);
  Repository evil = second.open(5);
  const SnapshotId forged =
      commit_file(evil, second, content, [](BlockWriter& writer, const BlockId& id) {
        const auto theirs = writer.index().find(tag_of(id));
        REQUIRE(theirs);
        writer.refer({NumberBase::absolute, theirs->number, 1});
      });
  roles.owner_repository.journal().replay();
  // While another frame of that segment is damaged, nobody can vouch for it.
  const Bytes good = roles.store->objects().at(pack);
  flip_bit(*roles.store, pack, 100'000);
  const VerifyReport report = verify_content(roles.owner_repository);
  REQUIRE(hurt_count(report, forged, true) == 1);
  REQUIRE(findings_of(report).find("nobody has vouched for it") != std::string::npos);
  roles.store->overwrite(pack, good);
  REQUIRE(verify_content(roles.owner_repository).hurt_count == 0);  // it vouches for it
}
