// Long backups keep what they have stored: by checkpoints, and when a person asks to stop.
#include <atomic>
#include <filesystem>
#include <functional>

#include "engine/format/names.h"
#include "engine/store/local.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

// Asks to stop once so many files are done.
class CuttingObserver final : public Observer {
 public:
  explicit CuttingObserver(std::uint64_t after) : after_(after) {}

  void progress(const Progress& progress) override {
    if (progress.files_done < after_ || stop_) return;
    if (meanwhile) meanwhile();
    stop_ = true;
  }

  [[nodiscard]] bool cancelled() const override { return stop_; }

  std::function<void()> meanwhile;  // what others do before it is heard

 private:
  std::uint64_t after_;
  std::atomic<bool> stop_{false};
};

// More than is ever read ahead: whoever stops while smaller files are added stops before its end.
constexpr std::size_t large_bytes = 24'000'000;

// Content that does not compress or repeat, so that every file is new.
void make_files(const std::string& root, int count) {
  SeededRandom random(seed() + 77);
  for (int i = 0; i < count; ++i) {
    const std::string directory = root + "/d" + std::to_string(i / 20);
    std::filesystem::create_directories(directory);
    write_file(directory + "/f" + std::to_string(i), random_bytes(random, 40'000));
  }
  write_file(root + "/large", random_bytes(random, large_bytes));
}

BackupOptions options_for(const std::string& path, std::uint64_t checkpoint_bytes) {
  BackupOptions options;
  options.paths = {path};
  options.source = "test";
  options.host = "host";
  options.threads = 2;
  options.pending_bytes = checkpoint_bytes;
  return options;
}

std::uint64_t pack_bytes(const MemoryStore& store) {
  std::uint64_t out = 0;
  for (const std::string& name : names_of(store, "packs/")) {
    out += store.objects().at(name).size();
  }
  return out;
}

std::size_t live_count(const Repository& repository) {
  return repository.state().live_snapshots().size();
}

// A backup of a hundred files and a large one that somebody stops after fifty.
struct Stopped : Site {
  explicit Stopped(const std::function<void(Stopped&)>& meanwhile = {}) {
    make_files(tree(), 100);
    machine.init();
    machine.clock.advance_ms(60'000);
    CuttingObserver stopping(50);
    if (meanwhile) stopping.meanwhile = [&] { meanwhile(*this); };
    Repository repository = machine.open_with(stopping);
    REQUIRE_THROWS_AS(kist::backup(repository, options_for(tree(), 0)), Interrupted);
  }
};

// A world whose tree has `count` files and a large one, backed up with checkpoints.
struct Checkpointed : World {
  explicit Checkpointed(int count) { make_files(tree(), count); }

  BackupResult backup(std::uint64_t checkpoint_bytes) {
    machine.clock.advance_ms(60'000);
    BackupResult result = kist::backup(repository, options_for(tree(), checkpoint_bytes));
    snapshot = result.snapshot;
    return result;
  }
};

}  // namespace

TEST_CASE("a backup with checkpoints gives the same snapshot, and leaves none pending") {
  Checkpointed world(100);
  const BackupResult result = world.backup(1U << 20U);
  REQUIRE(result.pending_snapshots >= 5);
  REQUIRE(live_count(world.repository) == 1);
  require_sound(world.repository);
  world.require_restored();
  // What is unchanged since is not opened: the cache holds what came before and after checkpoints.
  age_tree(world.tree());
  world.backup(1U << 20U);
  const BackupResult again = world.backup(1U << 20U);
  REQUIRE(again.files_opened == 0);
  REQUIRE(again.statistics.blocks_new == 0);
}

TEST_CASE("a backup that is stopped keeps what it has stored, and the next goes on from there") {
  Stopped stopped;
  Machine& machine = stopped.machine;
  Repository repository = machine.open();
  REQUIRE(live_count(repository) == 1);
  REQUIRE(repository.state().live_snapshots().front()->taken.is_pending);
  require_sound(repository);
  const std::uint64_t stored = pack_bytes(*stopped.store);
  REQUIRE(stored > 1'500'000);

  machine.clock.advance_ms(60'000);
  const BackupResult result = backup(repository, options_for(stopped.tree(), 0));
  REQUIRE(result.has_resumed);
  REQUIRE(live_count(repository) == 1);
  REQUIRE(result.statistics.files_unmodified >= 50);  // they were not opened again
  REQUIRE(result.files_opened <= 51);
  constexpr std::uint64_t file_bytes = 40'000;
  constexpr std::uint64_t total = 100 * file_bytes + large_bytes;
  REQUIRE(result.statistics.bytes_new < total - 50 * file_bytes + 200'000);  // nothing stored twice
  require_sound(repository);
  machine.restore(repository, result.snapshot, stopped.tree(), stopped.out());
  REQUIRE(stopped.differences().empty());
}

TEST_CASE("a backup that is stopped keeps what it has stored, whatever others have committed") {
  Stopped stopped([](Stopped& world) {
    write_file(world.source / "theirs", Bytes(1000, 1));
    Machine other(world.store, 5);
    other.clock.advance_ms(60'000);
    Repository theirs = other.open();
    backup(theirs, options_for(world.source / "theirs", 0));
  });
  Repository again = stopped.machine.open();
  REQUIRE(again.state().pending.size() == 1);
}

TEST_CASE("a pending snapshot that cannot be read keeps no backup of its source from going on") {
  Stopped stopped;
  Machine& machine = stopped.machine;
  Repository repository = machine.open();
  const SnapshotPtr pending = repository.state().live_snapshots().front();
  take_away(*stopped.store, reference_set_path(pending->taken.reference_set));
  machine.clock.advance_ms(60'000);
  const BackupResult result = backup(repository, options_for(stopped.tree(), 0));
  REQUIRE_FALSE(result.has_resumed);
  REQUIRE(repository.state().pending.size() == 1);  // it is left as it is
  machine.restore(repository, result.snapshot, stopped.tree(), stopped.out());
  REQUIRE(stopped.differences().empty());
  // Listed all the same, and the others beside it.
  const std::vector<SnapshotSummary> listed = list_snapshots(repository);
  REQUIRE(listed.size() == 2);
  REQUIRE_FALSE(listed.front().statistics);
  REQUIRE(listed.back().statistics->files() == result.statistics.files());
  REQUIRE(machine.observer.problems.size() == 1);
  REQUIRE(count_repository(repository).snapshots == 1);
}

TEST_CASE("a backup that is stopped again before it is past the last stop keeps what that had") {
  Site site;
  make_files(site.tree(), 100);
  Machine& machine = site.machine;
  machine.init();
  const auto stop_after = [&](std::uint64_t files) {
    machine.clock.advance_ms(60'000);
    CuttingObserver stopping(files);
    Repository repository = machine.open_with(stopping);
    REQUIRE_THROWS_AS(backup(repository, options_for(site.tree(), 0)), Interrupted);
  };
  stop_after(80);
  write_file(site.tree("d0/f1"), Bytes(50'000, 3));
  stop_after(1);
  Repository repository = machine.open();
  machine.clock.advance_ms(60'000);
  const BackupResult result = backup(repository, options_for(site.tree(), 0));
  REQUIRE(result.statistics.files_unmodified >= 78);
  REQUIRE(live_count(repository) == 1);
  require_sound(repository);
}

TEST_CASE("a pending snapshot keeps the blocks of a file that is not complete") {
  Checkpointed world(0);
  SeededRandom random(seed());
  write_file(world.tree("large"), random_bytes(random, 30'000'000));
  const BackupResult result = world.backup(4U << 20U);
  REQUIRE(result.pending_snapshots >= 4);
  REQUIRE(result.statistics.bytes_new < 31'000'000);
  require_sound(world.repository);
  world.require_restored();
}

TEST_CASE("checkpoints fall at the same places for any number of threads") {
  const TemporaryDirectory source;
  make_files(source / "tree", 60);
  // Both machines first: their directories lie beside the tree, whose parent is an entry too.
  auto first = std::make_shared<MemoryStore>();
  auto second = std::make_shared<MemoryStore>();
  Machine one(first, 42);
  Machine eight(second, 42);
  const auto run = [&](Machine& machine, unsigned threads) {
    Repository repository = machine.init();
    machine.clock.advance_ms(60'000);
    BackupOptions options = options_for(source / "tree", 1U << 20U);
    options.threads = threads;
    REQUIRE(backup(repository, options).pending_snapshots > 0);
  };
  run(one, 1);
  run(eight, 8);
  REQUIRE((first->objects_without_probes() == second->objects_without_probes()));
}

TEST_CASE("a dry run stores nothing and counts what would be new") {
  Checkpointed world(20);
  Repository& repository = world.repository;
  const auto before = world.store->objects();
  world.machine.clock.advance_ms(60'000);
  BackupOptions options = options_for(world.tree(), 0);
  options.is_dry_run = true;
  const BackupResult dry = backup(repository, options);
  REQUIRE(world.store->objects() == before);
  REQUIRE(dry.statistics.files_new == 21);
  options.is_dry_run = false;
  const BackupResult wet = backup(repository, options);
  REQUIRE(wet.statistics.bytes_new == dry.statistics.bytes_new);
}

TEST_CASE("a stream becomes one file; one that fails becomes no snapshot") {
  Machine machine(std::make_shared<MemoryStore>());
  Repository repository = machine.init();
  SeededRandom random(seed());
  const Bytes content = random_bytes(random, 5'000'001);
  std::size_t at = 0;
  bool fails = true;
  BackupOptions options = options_for("", 0);
  options.paths.clear();
  options.stream = StreamInput{
      .path = "dumps/db.sql",
      .time = {},
      .read =
          [&](MutableView out) {
            const std::size_t size = std::min(out.size(), content.size() - at);
            std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(at), size, out.begin());
            at += size;
            return size;
          },
      .finish =
          [&] {
            if (fails) throw Error(Code::failed, "the command failed");
          }};
  REQUIRE(error_code([&] { backup(repository, options); }) == Code::failed);
  REQUIRE(live_count(repository) == 0);
  fails = false;
  at = 0;
  backup(repository, options);
  Bytes read;
  read_content(repository, select(repository, "latest:/dumps/db.sql"),
               [&](View bytes) { read.insert(read.end(), bytes.begin(), bytes.end()); });
  REQUIRE(read == content);
}
