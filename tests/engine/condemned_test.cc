// Damage that everybody knows of: what one machine has found, all others go by.
#include <filesystem>

#include "engine/repository/condemned_packs.h"
#include "tests/support/attacker.h"
#include "tests/support/damaged_laptop.h"
#include "tests/support/forwarding_store.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace fs = std::filesystem;

TEST_CASE("what one machine has found damaged every other one stores again") {
  DamagedLaptop laptop;
  const std::vector<std::string> packs = laptop.packs();
  const bool is_gone = GENERATE(false, true);
  for (const std::string& pack : packs) {
    if (is_gone) {
      laptop.store->remove(pack);
    } else {
      flip_bit(*laptop.store, pack);
    }
  }
  Repository repository = laptop.open();
  const BackupResult unaware = laptop.backup(repository);
  const VerifyReport found = laptop.verify_as_owner();
  REQUIRE(found.condemned == packs.size());
  REQUIRE(DamagedLaptop::hurt(found, laptop.before, true) > 0);
  REQUIRE(DamagedLaptop::hurt(found, unaware.snapshot, true) > 0);

  if (GENERATE(false, true)) laptop.lose_local_state();
  Repository informed = laptop.open();
  const BackupResult again = laptop.backup(informed);
  REQUIRE(again.statistics.bytes_new >= 1'200'000);
  REQUIRE(again.lost_packs.empty());
  REQUIRE(again.blocks_stored_again > 0);
  const VerifyReport report = laptop.verify_as_owner();
  REQUIRE(report.condemned == 0);
  REQUIRE(DamagedLaptop::hurt(report, again.snapshot, false) == 0);
  // The former ones can be restored from what is there now, and nothing keeps that for them.
  REQUIRE(DamagedLaptop::hurt(report, laptop.before, true) == 0);
  REQUIRE(DamagedLaptop::hurt(report, laptop.before, false) > 0);
  REQUIRE(report.restorable_count == report.hurt_count);
  for (const SnapshotId& snapshot : {laptop.before, unaware.snapshot, again.snapshot}) {
    laptop.require_whole(snapshot);
  }

  // From now on the new copies count, also for files that are met anew.
  fs::rename(laptop.source / "tree/news0", laptop.source / "tree/old-news");
  fs::copy_file(laptop.source / "tree/old-news", laptop.source / "tree/news0");
  const BackupResult next = laptop.backup(informed);
  REQUIRE(next.statistics.bytes_new < 100'000);
  REQUIRE(DamagedLaptop::hurt(laptop.verify_as_owner(), next.snapshot, false) == 0);
}

TEST_CASE("a condemned pack that was put back is relied on again once it was read whole") {
  DamagedLaptop laptop;
  const std::string pack = laptop.packs().front();
  const Bytes good = laptop.store->objects().at(pack);
  flip_bit(*laptop.store, pack);
  REQUIRE(laptop.verify_as_owner().condemned == 1);
  laptop.store->overwrite(pack, good);
  for (const VerifyLevel level : {VerifyLevel::structure, VerifyLevel::storage}) {
    REQUIRE(laptop.verify_as_owner(level).cleared == 0);
  }
  REQUIRE(laptop.verify_as_owner().cleared == 1);
  REQUIRE(laptop.owner_repository.state().condemned_packs().empty());
  Repository repository = laptop.open();
  REQUIRE(laptop.backup(repository).blocks_stored_again == 0);
}

TEST_CASE("what could not be read is not condemned, nor is anything in a dry run") {
  class Silent final : public ForwardingStore {
   public:
    using ForwardingStore::ForwardingStore;

    std::size_t get_range(const std::string& path, std::uint64_t offset, MutableView out) override {
      if (path.starts_with("packs/")) throw Error(Code::failed, "no answer");
      return ForwardingStore::get_range(path, offset, out);
    }
  };

  DamagedLaptop laptop;
  Machine machine(std::make_shared<Silent>(*laptop.store), 8);
  Repository silent = machine.open();
  const VerifyReport report = verify(silent, {.level = VerifyLevel::storage, .repairs = true});
  REQUIRE_FALSE(report.findings.empty());
  REQUIRE(report.condemned == 0);
  flip_bit(*laptop.store, laptop.packs().front());
  laptop.owner_repository.journal().replay();
  verify(laptop.owner_repository,
         {.level = VerifyLevel::content, .repairs = true, .is_dry_run = true});
  REQUIRE(laptop.owner_repository.state().condemned_packs().empty());
}

TEST_CASE("a writer that finds a pack gone tells of it, and changes nothing") {
  DamagedLaptop laptop;
  const std::vector<std::string> packs = laptop.packs();
  for (const std::string& pack : packs) {
    laptop.store->remove(pack);
  }
  Repository repository = laptop.open();
  for (int day = 0; day < 3; ++day) {
    laptop.other.clock.advance_ms(day_ms);
    laptop.backup(repository);
  }
  laptop.owner_repository.journal().replay();
  const State& state = laptop.owner_repository.state();
  REQUIRE(state.condemned_packs().empty());
  REQUIRE(state.incidents.size() == 1);
  REQUIRE(state.incidents[0].kind == IncidentKind::packs);
  REQUIRE(state.incidents[0].count == 1);
  // Its own state tells the laptop; another machine with the key asks the store anew.
  REQUIRE(laptop.verify_as_owner().condemned == packs.size());
  close_incidents(laptop.owner_repository,
                  {.first = state.incidents[0].sequence, .last = state.incidents[0].last});
  REQUIRE(laptop.owner_repository.state().open_incidents().empty());
}

TEST_CASE("an owner whose backup finds packs gone condemns them") {
  DamagedLaptop laptop;
  for (const std::string& pack : names_of(*laptop.store, "packs/")) {
    laptop.store->remove(pack);
  }
  laptop.owner.clock.advance_ms(day_ms);
  laptop.owner_repository.journal().replay();
  laptop.owner.backup(laptop.owner_repository, laptop.source / "tree");
  REQUIRE_FALSE(laptop.owner_repository.state().condemned_packs().empty());
  REQUIRE(laptop.owner_repository.state().incidents.empty());
}

TEST_CASE("a backup that meets a condemnation as it commits goes on, and says so") {
  DamagedLaptop laptop;
  const std::string pack = laptop.packs().front();
  flip_bit(*laptop.store, pack);
  Machine watched(
      std::make_shared<WatchedStore>(*laptop.store, "refs/", [&] { laptop.verify_as_owner(); }), 8);
  Repository repository = watched.open(9);
  BackupOptions options;
  options.paths = {laptop.source / "tree"};
  options.source = "laptop";
  const BackupResult result = kist::backup(repository, options);
  REQUIRE(repository.state().condemned_packs().size() == 1);
  REQUIRE(std::ranges::any_of(watched.observer.notices, [](const std::string& notice) {
    return notice.find("this snapshot relies on 1 pack that another machine has found damaged") !=
           std::string::npos;
  }));
  REQUIRE(result.statistics.blocks_new < 20);
  REQUIRE(kist::backup(repository, options).blocks_stored_again > 0);
}

TEST_CASE("whole packs that are condemned are restored as before, and none of them is removed") {
  DamagedLaptop laptop;
  std::map<std::string, Bytes> packs;
  FoundPacks found;
  for (const std::string& path : names_of(*laptop.store, "packs/")) {
    packs.emplace(path, laptop.store->objects().at(path));
    found.all.insert(*parse_id<ObjectHash>(path.substr(path.rfind('/') + 1)));
  }
  Repository& owner = laptop.owner_repository;
  owner.journal().replay();
  REQUIRE(tell_damaged(owner, found) == packs.size());
  const auto require_as_before = [&] {
    for (const auto& [path, bytes] : packs) {
      REQUIRE(laptop.store->objects().at(path) == bytes);
    }
    Machine fresh(laptop.store, 8);
    Repository there = fresh.open();
    require_restored(fresh, there, laptop, laptop.first);
    require_restored(fresh, there, laptop, laptop.before, "news5");
  };
  require_as_before();
  REQUIRE(verify(owner, {.level = VerifyLevel::storage, .repairs = true}).findings.empty());
  rotate(laptop);
  REQUIRE(owner.state().condemned_packs() == found.all);
  require_as_before();
  // All is stored again, once.
  Repository repository = laptop.open();
  REQUIRE(laptop.backup(repository).statistics.bytes_new >= 1'200'000);
  REQUIRE(laptop.backup(repository).statistics.bytes_new == 0);
  // Whoever reads them whole says so, and repairs nothing.
  const VerifyReport report = laptop.verify_as_owner();
  REQUIRE(report.findings.empty());
  REQUIRE(report.cleared == packs.size());
  require_as_before();
}
