// Packs that are gone or damaged, under the eyes of a laptop that can only write, and what one
// machine knows of them by itself.
#include <atomic>
#include <filesystem>

#include "engine/format/names.h"
#include "tests/support/damaged_laptop.h"
#include "tests/support/forwarding_store.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace fs = std::filesystem;

namespace {

// Counts how often packs are asked for.
class AskedStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  std::optional<std::uint64_t> size(const std::string& path) override {
    if (path.starts_with("packs/")) ++asked;
    return ForwardingStore::size(path);
  }

  void list(const std::string& folder,
            const std::function<void(const std::string&)>& each) override {
    if (folder.starts_with("packs/")) ++listed;
    ForwardingStore::list(folder, each);
  }

  std::atomic<std::uint64_t> asked{0};
  std::atomic<std::uint64_t> listed{0};
};

// Asks to stop once so many files are done.
class StoppingObserver final : public Observer {
 public:
  explicit StoppingObserver(std::uint64_t after) : after_(after) {}

  void progress(const Progress& progress) override {
    if (progress.files_done >= after_) stop_ = true;
  }

  [[nodiscard]] bool cancelled() const override { return stop_; }

 private:
  std::uint64_t after_;
  std::atomic<bool> stop_{false};
};

}  // namespace

TEST_CASE("a backup that stores again stores each block once, and costs what a first one costs") {
  DamagedLaptop laptop;
  Repository repository = laptop.open();
  fs::copy_file(laptop.source / "tree/news1", laptop.source / "tree/twin");
  age_tree(laptop.source / "tree");
  const BackupResult again = laptop.backup(repository, true);
  // Six files and one of the owner's, the twin not counted.
  REQUIRE(again.statistics.bytes_new >= 1'300'000);
  REQUIRE(again.statistics.bytes_new < 1'450'000);
  const BackupResult next = laptop.backup(repository);
  REQUIRE(next.files_opened == 0);
  REQUIRE(next.statistics.blocks_new == 0);
  BackupOptions dry;
  dry.paths = {laptop.source / "tree"};
  dry.source = "laptop";
  dry.stores_again = true;
  dry.is_dry_run = true;
  const auto objects = laptop.store->objects();
  REQUIRE(kist::backup(repository, dry).statistics.bytes_new == again.statistics.bytes_new);
  REQUIRE((laptop.store->objects() == objects));
}

TEST_CASE("a backup finds packs that are gone, says so, and stores again what they held") {
  DamagedLaptop laptop;
  const std::vector<std::string> packs = laptop.packs();
  const bool is_gone = GENERATE(true, false);
  for (const std::string& pack : packs) {
    if (is_gone) {
      laptop.store->remove(pack);
    } else {
      laptop.store->overwrite(pack, Bytes(7));
    }
  }
  const bool is_cold = GENERATE(false, true);
  if (is_cold) laptop.lose_local_state();
  Repository repository = laptop.open();
  laptop.other.clock.advance_ms(day_ms);
  laptop.other.observer.problems.clear();
  const BackupResult result = laptop.backup(repository);
  REQUIRE(result.lost_packs.size() == packs.size());
  REQUIRE(result.lost_packs.begin()->second ==
          (is_gone ? PackProblem::missing : PackProblem::wrong_size));
  REQUIRE(laptop.other.observer.problems.size() == packs.size());
  REQUIRE(result.statistics.bytes_new >= 1'200'000);
  if (!is_cold) {
    REQUIRE(result.statistics.files_changed == 0);
    REQUIRE(result.statistics.files_unmodified >= 6);
  }
  laptop.require_whole(result.snapshot);
  laptop.require_whole(laptop.before);
  REQUIRE(DamagedLaptop::hurt(laptop.verify_as_owner(), result.snapshot, false) == 0);

  // It is told once, and known from then on.
  REQUIRE(damage_incidents(repository).size() == 1);
  const BackupResult next = laptop.backup(repository);
  REQUIRE(next.lost_packs.empty());
  REQUIRE(next.files_opened == 0);
  REQUIRE(next.blocks_stored_again == 0);
  laptop.other.clock.advance_ms(day_ms);
  REQUIRE(laptop.backup(repository).lost_packs.empty());
  REQUIRE(damage_incidents(repository).size() == 1);
}

TEST_CASE("of a file that is gone from the source too, the loss is said") {
  DamagedLaptop laptop;
  for (const std::string& pack : laptop.packs()) {
    laptop.store->remove(pack);
  }
  fs::remove(laptop.source / "tree/news3");
  Repository repository = laptop.open();
  laptop.other.clock.advance_ms(day_ms);
  const BackupResult result = laptop.backup(repository);
  REQUIRE_FALSE(result.lost_packs.empty());
  const VerifyReport report = laptop.verify_as_owner();
  REQUIRE(DamagedLaptop::hurt(report, laptop.before, true) == 1);
  REQUIRE(DamagedLaptop::hurt(report, result.snapshot, false) == 0);
}

TEST_CASE("a pack that one source lost is found by another that deduplicates against it") {
  DamagedLaptop laptop;
  for (const std::string& pack : laptop.packs()) {
    laptop.store->remove(pack);
  }
  fs::create_directory(laptop.source / "elsewhere");
  fs::copy_file(laptop.source / "tree/news2", laptop.source / "elsewhere/copy");
  Repository repository = laptop.open();
  laptop.other.clock.advance_ms(day_ms);
  BackupOptions options;
  options.paths = {laptop.source / "elsewhere"};
  options.source = "elsewhere";
  const BackupResult result = kist::backup(repository, options);
  REQUIRE_FALSE(result.lost_packs.empty());
  REQUIRE(result.blocks_stored_again > 0);
  REQUIRE(result.statistics.bytes_new >= 200'000);
  REQUIRE(DamagedLaptop::hurt(laptop.verify_as_owner(), result.snapshot, false) == 0);
}

TEST_CASE("packs are looked at once in half a day, and those that a run has written not at all") {
  DamagedLaptop laptop;
  const auto store = std::make_shared<AskedStore>(*laptop.store);
  Machine machine(store, 8);
  Repository repository = machine.open(9);
  const auto asks = [&](std::int64_t after_ms, std::uint64_t pending_bytes = 0) {
    machine.clock.advance_ms(after_ms);
    const std::uint64_t before = store->asked + store->listed;
    BackupOptions options;
    options.paths = {laptop.source / "tree"};
    options.source = "laptop";
    options.pending_bytes = pending_bytes;
    kist::backup(repository, options);
    return store->asked + store->listed - before;
  };
  const std::uint64_t pack_count = names_of(*laptop.store, "packs/").size();
  const std::uint64_t first = asks(120'000);  // a machine that has never looked
  REQUIRE(first > 0);
  REQUIRE(first <= pack_count);
  REQUIRE(asks(3'600'000) == 0);
  // Its own new packs are there: it has put them, and the pending snapshots between rely on them.
  for (int i = 0; i < 4; ++i) {
    laptop.write_news(300'000, concat("more", i));
    fs::copy_file(laptop.source / concat("tree/more", i),
                  laptop.source / concat("tree/zz-copy", i));
    REQUIRE(asks(600'000, 100'000) == 0);
  }
  REQUIRE(asks(3'600'000) == 0);
  const std::uint64_t next_day = asks(day_ms);
  REQUIRE(next_day > first);
  REQUIRE(next_day <= names_of(*laptop.store, "packs/").size());
  REQUIRE(asks(3'600'000) == 0);
  // A dry run asks nothing, and spoils no later look.
  machine.clock.advance_ms(day_ms);
  const std::uint64_t before = store->asked + store->listed;
  BackupOptions dry;
  dry.paths = {laptop.source / "tree"};
  dry.source = "laptop";
  dry.is_dry_run = true;
  kist::backup(repository, dry);
  REQUIRE(store->asked + store->listed == before);
  REQUIRE(asks(60'000) == next_day);
}

TEST_CASE("a store that does not answer makes nothing an incident, and is not relied on") {
  class Silent final : public ForwardingStore {
   public:
    using ForwardingStore::ForwardingStore;

    std::optional<std::uint64_t> size(const std::string& path) override {
      if (is_silent && path.starts_with("packs/")) throw Error(Code::failed, "no answer");
      return ForwardingStore::size(path);
    }

    std::unique_ptr<ObjectWriter> begin_put() override {
      if (is_full) throw Error(Code::failed, "no room");
      return ForwardingStore::begin_put();
    }

    std::atomic<bool> is_silent{false}, is_full{false};
  };

  DamagedLaptop laptop;
  const auto store = std::make_shared<Silent>(*laptop.store);
  Machine machine(store, 8);
  Repository repository = machine.open(9);
  BackupOptions options;
  options.paths = {laptop.source / "tree"};
  options.source = "laptop";
  machine.clock.advance_ms(day_ms);
  kist::backup(repository, options);
  store->is_silent = true;
  machine.clock.advance_ms(day_ms);
  const BackupResult result = kist::backup(repository, options);
  REQUIRE(result.lost_packs.empty());
  REQUIRE(result.statistics.bytes_new >= 1'200'000);
  REQUIRE(damage_incidents(repository).empty());
  store->is_silent = false;
  machine.clock.advance_ms(day_ms);
  REQUIRE(kist::backup(repository, options).statistics.blocks_new == 0);
  laptop.require_whole(result.snapshot);
  // A run that had no answer, and came to no end, leaves the asking to the next one.
  machine.clock.advance_ms(day_ms);
  store->is_silent = true;
  store->is_full = true;
  REQUIRE(error_code([&] { kist::backup(repository, options); }) == Code::failed);
  store->is_silent = store->is_full = false;
  for (const std::string& pack : laptop.packs())
    laptop.store->remove(pack);
  REQUIRE_FALSE(kist::backup(repository, options).lost_packs.empty());
}

TEST_CASE("a pack that was put back is relied on again, and its incident is gone") {
  DamagedLaptop laptop;
  const std::string pack = laptop.packs().front();
  const Bytes good = laptop.store->objects().at(pack);
  laptop.store->remove(pack);
  Repository repository = laptop.open();
  laptop.other.clock.advance_ms(day_ms);
  SECTION("found by a backup") {
    fs::rename(laptop.source / "tree", laptop.source / "away");
    fs::create_directory(laptop.source / "tree");
    REQUIRE_FALSE(laptop.backup(repository).lost_packs.empty());
    REQUIRE(damage_incidents(repository).size() == 1);
    laptop.store->overwrite(pack, good);
    fs::remove(laptop.source / "tree");
    fs::rename(laptop.source / "away", laptop.source / "tree");
    laptop.other.clock.advance_ms(day_ms);
    REQUIRE(laptop.backup(repository).statistics.bytes_new < 100'000);
    REQUIRE(damage_incidents(repository).empty());
  }
  SECTION("found by a verify of the owner's") {
    laptop.verify_as_owner(VerifyLevel::structure);
    REQUIRE(damage_incidents(laptop.owner_repository).size() == 1);
    laptop.store->overwrite(pack, good);
    laptop.verify_as_owner(VerifyLevel::structure);
    REQUIRE(damage_incidents(laptop.owner_repository).empty());
  }
  SECTION("damaged in its bytes: only who has read them all can tell") {
    laptop.store->overwrite(pack, good);
    flip_bit(*laptop.store, pack);
    laptop.verify_as_owner(VerifyLevel::storage);
    laptop.store->overwrite(pack, good);
    laptop.verify_as_owner(VerifyLevel::structure);
    REQUIRE(damage_incidents(laptop.owner_repository).size() == 1);
    laptop.verify_as_owner(VerifyLevel::content);
    REQUIRE(damage_incidents(laptop.owner_repository).empty());
  }
}

TEST_CASE("what a restore finds damaged is an incident, and the next backup stores it again") {
  World world;
  SeededRandom random{seed()};
  write_file(world.tree("file"), random_bytes(random, 1'500'000));
  age_tree(world.tree());
  world.backup();
  std::string pack;
  for (const auto& [name, bytes] : world.store->objects()) {
    if (name.starts_with("packs/") && bytes.size() > 1'000'000) pack = name;
  }
  const bool is_gone = GENERATE(false, true);
  if (is_gone) {
    world.store->remove(pack);
  } else {
    flip_bit(*world.store, pack, 300'000);
  }
  REQUIRE(world.restore().damaged > 0);
  const std::vector<DamageIncident> incidents = damage_incidents(world.repository);
  REQUIRE(incidents.size() == 1);
  REQUIRE(incidents.front().packs.size() == 1);
  REQUIRE(pack_path(incidents.front().packs.begin()->first) == pack);
  REQUIRE(incidents.front().packs.begin()->second ==
          (is_gone ? PackProblem::missing : PackProblem::damaged));
  REQUIRE(world.backup().statistics.bytes_new >= 1'500'000);
  world.require_restored();
}

TEST_CASE("a key that is gone makes no pack an incident") {
  World world;
  SeededRandom random{seed()};
  write_file(world.tree("file"), random_bytes(random, 300'000));
  world.backup();
  for (const std::string& name : names_of(*world.store, "keys/")) {
    world.store->remove(name);
  }
  REQUIRE_THROWS_AS(world.restore(), Error);
  REQUIRE(damage_incidents(world.repository).empty());
}

TEST_CASE("a verify without repair records what it found, and a dry run does not") {
  DamagedLaptop laptop;
  flip_bit(*laptop.store, laptop.packs().front());
  laptop.owner_repository.journal().replay();
  verify(laptop.owner_repository,
         {.level = VerifyLevel::storage, .repairs = true, .is_dry_run = true});
  REQUIRE(damage_incidents(laptop.owner_repository).empty());
  laptop.verify_as_owner(VerifyLevel::storage);
  REQUIRE(damage_incidents(laptop.owner_repository).size() == 1);
  REQUIRE(close_damage_incidents(laptop.owner_repository, "seen") == 1);
  laptop.verify_as_owner(VerifyLevel::storage);
  REQUIRE_FALSE(damage_incidents(laptop.owner_repository).front().is_open());
}

TEST_CASE("a store-again that is cut off goes on with what it had stored itself") {
  DamagedLaptop laptop;
  for (int i = 0; i < 30; ++i) {
    laptop.write_news(1'200'000, concat("z", 100 + i));
  }
  age_tree(laptop.source / "tree");
  {
    Repository repository = laptop.open();
    laptop.backup(repository);
  }
  for (const std::string& pack : laptop.packs()) {
    flip_bit(*laptop.store, pack);
  }
  StoppingObserver stopping(20);
  BackupOptions options;
  options.paths = {laptop.source / "tree"};
  options.source = "laptop";
  options.threads = 2;
  options.stores_again = true;
  options.pending_bytes = 4'000'000;
  {
    Repository repository = laptop.open_with(stopping);
    REQUIRE_THROWS_AS(kist::backup(repository, options), Interrupted);
  }
  // An ordinary pending snapshot is not what it goes on from, its own is.
  Repository repository = laptop.open();
  laptop.other.clock.advance_ms(120'000);
  const BackupResult done = kist::backup(repository, options);
  REQUIRE(done.has_resumed);
  REQUIRE(done.pending_snapshots > 0);
  REQUIRE(done.statistics.bytes_new > 1'000'000);
  REQUIRE(done.statistics.bytes_new < 30'000'000);
  REQUIRE(DamagedLaptop::hurt(laptop.verify_as_owner(), done.snapshot, false) == 0);
  laptop.require_whole(done.snapshot);
}

TEST_CASE("a store-again relies on nothing that an ordinary backup left pending") {
  DamagedLaptop laptop;
  for (const std::string& pack : laptop.packs()) {
    flip_bit(*laptop.store, pack);
  }
  {
    // A pending snapshot whose set names the damaged blocks.
    StoppingObserver stopping(4);
    laptop.write_news(50'000, "aa-small");
    laptop.write_news(24'000'000, "zz-large");
    Repository repository = laptop.open_with(stopping);
    REQUIRE_THROWS_AS(laptop.backup(repository), Interrupted);
  }
  Repository repository = laptop.open();
  REQUIRE(repository.state().pending.size() == 1);
  const BackupResult done = laptop.backup(repository, true);
  REQUIRE(DamagedLaptop::hurt(laptop.verify_as_owner(), done.snapshot, false) == 0);
}
