// Backup, restore and verify together: what goes in comes out, what has not changed costs nothing,
// what is damaged is named.
#include <algorithm>
#include <chrono>
#include <filesystem>

#include "engine/format/names.h"
#include "engine/store/local.h"
#include "tests/support/repository_fixture.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

// Two backups of two trees in one repository, everything random drawn from one seed.
struct SeededRun {
  std::shared_ptr<MemoryStore> store = std::make_shared<MemoryStore>();
  Machine machine{store, 42};

  std::map<std::string, Bytes> run(const std::string& tree, unsigned threads) {
    Repository repository = machine.init();
    machine.backup(repository, tree + "/documents", threads);
    machine.backup(repository, tree, threads);
    return store->objects_without_probes();
  }
};

std::size_t count_prefix(const MemoryStore& store, const std::string& prefix) {
  std::size_t count = 0;
  for (const auto& [name, bytes] : store.objects()) {
    if (name.starts_with(prefix)) ++count;
  }
  return count;
}

std::string report_text(const VerifyReport& report) {
  std::string out;
  for (const Finding& finding : report.findings) {
    out += finding.object + ": " + finding.problem + "\n";
  }
  return out;
}

bool contains(View haystack, View needle) {
  return std::search(haystack.begin(), haystack.end(), needle.begin(), needle.end()) !=
         haystack.end();
}

}  // namespace

TEST_CASE("what is restored is what was backed up, in every respect") {
  const TemporaryDirectory source;
  make_tree(source / "tree", seed());
  age_tree(source / "tree");
  auto store = std::make_shared<MemoryStore>();
  Machine machine(store);
  Repository repository = machine.init();
  const BackupResult result = machine.backup(repository, source / "tree");
  REQUIRE(machine.observer.problems.empty());
  const RestoreResult restored =
      machine.restore(repository, result.snapshot, source / "tree", source / "out");
  REQUIRE(machine.observer.problems.empty());
  REQUIRE(restored.refused.empty());
  const auto differences = compare_trees(source / "tree", source / "out");
  CAPTURE(differences);
  REQUIRE(differences.empty());
  REQUIRE(report_text(verify(repository, {.level = VerifyLevel::content})).empty());
}

TEST_CASE("a whole snapshot is restored below the target under its full path") {
  const TemporaryDirectory source;
  make_tree(source / "tree", seed());
  auto store = std::make_shared<MemoryStore>();
  Machine machine(store);
  Repository repository = machine.init();
  const BackupResult result = machine.backup(repository, source / "tree");
  const std::string out = source / "out";
  machine.restore(repository, result.snapshot, "/", out);
  REQUIRE(compare_trees(source / "tree", out + (source / "tree")).empty());
}

TEST_CASE("one file is restored under its own name, reading just the packs that hold it") {
  const TemporaryDirectory source;
  make_tree(source / "tree", seed());
  auto store = std::make_shared<MemoryStore>();
  Machine machine(store);
  Repository repository = machine.init();
  const BackupResult result = machine.backup(repository, source / "tree");
  const std::uint64_t before = store->get_count("packs/");
  machine.restore(repository, result.snapshot, source / "tree/documents/file-4096", source / "one");
  REQUIRE(slurp(source / "one/file-4096") == slurp(source / "tree/documents/file-4096"));
  REQUIRE(store->get_count("packs/") - before <= 6);
}

TEST_CASE("an unchanged tree again opens no file and stores no data pack") {
  const TemporaryDirectory source;
  make_tree(source / "tree", seed());
  auto store = std::make_shared<MemoryStore>();
  Machine machine(store);
  Repository repository = machine.init();
  const BackupResult first = machine.backup(repository, source / "tree");
  const std::size_t packs = count_prefix(*store, "packs/");
  const BackupResult second = machine.backup(repository, source / "tree");
  REQUIRE(second.files_opened == 0);
  REQUIRE(second.statistics.blocks_new == 0);
  REQUIRE(second.statistics.files_unmodified == first.statistics.files_new);
  REQUIRE(count_prefix(*store, "packs/") == packs);
  machine.restore(repository, second.snapshot, source / "tree", source / "out");
  REQUIRE(compare_trees(source / "tree", source / "out").empty());
  REQUIRE(report_text(verify(repository, {.level = VerifyLevel::content})).empty());
}

TEST_CASE("a changed file is read, and nothing else") {
  const TemporaryDirectory source;
  make_tree(source / "tree", seed());
  auto store = std::make_shared<MemoryStore>();
  Machine machine(store);
  Repository repository = machine.init();
  machine.backup(repository, source / "tree");
  write_file(source / "tree/documents/file-4096", Bytes(4096, 3));
  const BackupResult second = machine.backup(repository, source / "tree");
  REQUIRE(second.files_opened == 1);
  REQUIRE(second.statistics.files_changed == 1);
  machine.restore(repository, second.snapshot, source / "tree", source / "out");
  REQUIRE(compare_trees(source / "tree", source / "out").empty());
}

TEST_CASE("a file touched within two seconds of the last backup's start is read again") {
  const TemporaryDirectory source;
  std::filesystem::create_directory(source / "tree");
  write_file(source / "tree/file", Bytes(5000, 1));
  Machine machine(std::make_shared<MemoryStore>());
  machine.clock.advance_ms(1'600'000'000'000 - machine.clock.now_ms());
  Repository repository = machine.init();
  const auto touched = std::filesystem::last_write_time(source / "tree/file");
  const auto since_epoch = std::filesystem::file_time_type::clock::to_sys(touched);
  const std::int64_t touched_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch.time_since_epoch()).count();
  machine.clock.advance_ms(touched_ms + 1000 - 60'000 - machine.clock.now_ms());
  machine.backup(repository, source / "tree");
  REQUIRE(machine.backup(repository, source / "tree").files_opened == 1);
  REQUIRE(machine.backup(repository, source / "tree").files_opened == 0);
}

TEST_CASE("without its file cache a backup reads all and stores nothing new") {
  const TemporaryDirectory source;
  make_tree(source / "tree", seed());
  auto store = std::make_shared<MemoryStore>();
  Machine machine(store);
  Repository repository = machine.init();
  machine.backup(repository, source / "tree");
  std::filesystem::remove_all(repository.local().cache_directory());
  const BackupResult second = machine.backup(repository, source / "tree");
  REQUIRE(second.files_opened > 0);
  REQUIRE(second.statistics.bytes_new == 0);
}

TEST_CASE("a damaged file cache is noticed and costs a read, never a wrong snapshot") {
  const TemporaryDirectory source;
  make_tree(source / "tree", seed());
  auto store = std::make_shared<MemoryStore>();
  Machine machine(store);
  Repository repository = machine.init();
  machine.backup(repository, source / "tree");
  for (const auto& file :
       std::filesystem::directory_iterator(repository.local().cache_directory())) {
    Bytes bytes = slurp(file.path().string());
    bytes[bytes.size() / 2] ^= 1;
    write_file(file.path().string(), bytes);
  }
  const BackupResult second = machine.backup(repository, source / "tree");
  machine.restore(repository, second.snapshot, source / "tree", source / "out");
  REQUIRE(compare_trees(source / "tree", source / "out").empty());
}

TEST_CASE("one thread and eight write the same bytes into the store") {
  const TemporaryDirectory source;
  make_tree(source / "tree", 7);
  // Made before either runs: the directories that lead to the tree are part of the snapshot.
  SeededRun one_thread;
  SeededRun eight_threads;
  const auto one = one_thread.run(source / "tree", 1);
  const auto eight = eight_threads.run(source / "tree", 8);
  REQUIRE(one.size() > 20);
  for (const auto& [name, bytes] : one) {
    INFO(name << ", " << bytes.size() << " bytes");
    REQUIRE(eight.contains(name));
    REQUIRE(eight.at(name) == bytes);
  }
  REQUIRE(one.size() == eight.size());
}

TEST_CASE("nothing of the source's names or content can be found in the store") {
  const TemporaryDirectory source;
  std::filesystem::create_directories(source / "tree/confidential-folder");
  SeededRandom random(seed());
  const Bytes secret_content = random_bytes(random, 200'000);
  const std::string secret_text(5000, 'Q');
  write_file(source / "tree/confidential-folder/merger-plan.txt", secret_content);
  write_file(source / "tree/confidential-folder/tiny-secret", to_bytes("the code is 1234567890"));
  write_file(source / "tree/confidential-folder/compressible", to_bytes(secret_text));
  auto store = std::make_shared<MemoryStore>();
  Machine machine(store);
  Repository repository = machine.init();
  machine.backup(repository, source / "tree");
  std::vector<Bytes> needles = {to_bytes("confidential"), to_bytes("merger-plan"),
                                to_bytes("tiny-secret"), to_bytes("the code is 1234"),
                                to_bytes("QQQQQQQQQQQQQQQQ")};
  for (std::size_t at = 0; at + 16 <= secret_content.size(); at += 4099) {
    needles.emplace_back(secret_content.begin() + static_cast<std::ptrdiff_t>(at),
                         secret_content.begin() + static_cast<std::ptrdiff_t>(at + 16));
  }
  const auto count_found = [&] {
    std::size_t found = 0;
    for (const auto& [name, bytes] : store->objects()) {
      for (const Bytes& needle : needles) {
        if (contains(bytes, needle) || contains(as_view(name), needle)) ++found;
      }
    }
    return found;
  };
  REQUIRE(count_found() == 0);
  // The search itself works: what is planted is found.
  store->put("keys/planted", to_bytes("xx merger-plan xx"));
  REQUIRE(count_found() == 1);
}

TEST_CASE("with --overwrite never, a name that exists in the target is left alone and reported") {
  const TemporaryDirectory source;
  std::filesystem::create_directories(source / "tree/sub");
  write_file(source / "tree/a", to_bytes("from the snapshot"));
  write_file(source / "tree/sub/b", Bytes(5000, 1));
  Machine machine(std::make_shared<MemoryStore>());
  Repository repository = machine.init();
  const BackupResult result = machine.backup(repository, source / "tree");
  std::filesystem::create_directories(source / "out/sub");
  write_file(source / "out/a", to_bytes("mine"));
  write_file(source / "out/sub/b", to_bytes("mine too"));
  const RestoreResult restored = machine.restore(repository, result.snapshot, source / "tree",
                                                 source / "out", Overwrite::never);
  REQUIRE(restored.problems == 2);
  REQUIRE(slurp(source / "out/a") == to_bytes("mine"));
  REQUIRE(slurp(source / "out/sub/b") == to_bytes("mine too"));
}

TEST_CASE("with --overwrite never, a directory that exists in the target keeps its own mode") {
  const TemporaryDirectory source;
  std::filesystem::create_directories(source / "tree/sub");
  Machine machine(std::make_shared<MemoryStore>());
  Repository repository = machine.init();
  const BackupResult result = machine.backup(repository, source / "tree");
  std::filesystem::create_directories(source / "out/sub");
  std::filesystem::permissions(source / "out/sub", std::filesystem::perms::owner_all);
  machine.restore(repository, result.snapshot, source / "tree", source / "out", Overwrite::never);
  REQUIRE(std::filesystem::status(source / "out/sub").permissions() ==
          std::filesystem::perms::owner_all);
}

TEST_CASE("a hard link whose first name is not restored comes back as the file itself") {
  const TemporaryDirectory source;
  std::filesystem::create_directories(source / "tree/a");
  std::filesystem::create_directories(source / "tree/b");
  write_file(source / "tree/a/first", Bytes(5000, 1));
  std::filesystem::create_hard_link(source / "tree/a/first", source / "tree/b/second");
  std::filesystem::create_hard_link(source / "tree/a/first", source / "tree/b/third");
  Machine machine(std::make_shared<MemoryStore>());
  Repository repository = machine.init();
  const BackupResult result = machine.backup(repository, source / "tree");
  const RestoreResult restored =
      machine.restore(repository, result.snapshot, source / "tree/b", source / "out");
  REQUIRE(restored.problems == 0);
  REQUIRE(slurp(source / "out/second") == Bytes(5000, 1));
  REQUIRE(std::filesystem::hard_link_count(source / "out/third") == 2);
}

TEST_CASE("two clients that store the same content at once are both whole") {
  const TemporaryDirectory source;
  std::filesystem::create_directories(source / "tree");
  write_file(source / "tree/file", Bytes(50'000, 1));
  auto store = std::make_shared<MemoryStore>();
  Machine one(store, 1);
  Repository first = one.init();
  Machine two(store, 2);
  Repository second = two.open();
  one.backup(first, source / "tree");
  BackupOptions options;
  options.paths = {source / "tree"};
  options.source = "other";
  two.clock.advance_ms(120'000);
  backup(second, options);
  REQUIRE(report_text(verify(second, {.level = VerifyLevel::content})).empty());
}

TEST_CASE("a link planted in the target is not followed") {
  const TemporaryDirectory source;
  std::filesystem::create_directories(source / "tree/sub");
  write_file(source / "tree/sub/b", Bytes(5000, 1));
  Machine machine(std::make_shared<MemoryStore>());
  Repository repository = machine.init();
  const BackupResult result = machine.backup(repository, source / "tree");
  std::filesystem::create_directories(source / "out");
  std::filesystem::create_directories(source / "elsewhere");
  std::filesystem::create_directory_symlink(source / "elsewhere", source / "out/sub");
  const RestoreResult kept = machine.restore(repository, result.snapshot, source / "tree",
                                             source / "out", Overwrite::never);
  REQUIRE(kept.problems > 0);
  REQUIRE(std::filesystem::is_symlink(source / "out/sub"));
  REQUIRE(std::filesystem::is_empty(source / "elsewhere"));
  const RestoreResult restored =
      machine.restore(repository, result.snapshot, source / "tree", source / "out");
  REQUIRE(restored.problems == 0);
  REQUIRE(std::filesystem::is_empty(source / "elsewhere"));
  REQUIRE(compare_trees(source / "tree", source / "out").empty());
}

TEST_CASE("damage in any pack is found, named, and never restored as content") {
  const TemporaryDirectory source;
  make_tree(source / "tree", seed());
  auto store = std::make_shared<MemoryStore>();
  Machine machine(store);
  Repository repository = machine.init();
  const BackupResult result = machine.backup(repository, source / "tree");
  for (const auto& [name, bytes] : store->objects()) {
    if (!name.starts_with("packs/")) continue;
    INFO(name);
    Bytes damaged = bytes;
    damaged[5000] ^= 0x10;
    store->overwrite(name, damaged);
    REQUIRE(report_text(verify(repository, {.level = VerifyLevel::structure})).empty());
    const VerifyReport storage = verify(repository, {.level = VerifyLevel::storage});
    REQUIRE(storage.findings.size() == 1);
    REQUIRE(storage.findings[0].object == name);
    REQUIRE_FALSE(verify(repository, {.level = VerifyLevel::content}).findings.empty());
    store->overwrite(name, bytes);
  }
  REQUIRE(report_text(verify(repository, {.level = VerifyLevel::content})).empty());
  static_cast<void>(result);
}

TEST_CASE("a file with a damaged block is not left behind half restored") {
  const TemporaryDirectory source;
  make_tree(source / "tree", seed());
  auto store = std::make_shared<MemoryStore>();
  Machine machine(store);
  Repository repository = machine.init();
  const BackupResult result = machine.backup(repository, source / "tree");
  for (const auto& [name, bytes] : store->objects()) {
    if (!name.starts_with("packs/") || bytes.size() < (1U << 20U)) continue;
    Bytes damaged = bytes;
    damaged[300'000] ^= 1;
    store->overwrite(name, damaged);
  }
  const RestoreResult restored =
      machine.restore(repository, result.snapshot, source / "tree", source / "out");
  REQUIRE(restored.damaged > 0);
  for (const auto& file : std::filesystem::recursive_directory_iterator(source / "out")) {
    if (!file.is_regular_file() || file.is_symlink()) continue;
    const std::string path = file.path().string();
    REQUIRE(slurp(path) == slurp((source / "tree") + path.substr((source / "out").size())));
  }
}

TEST_CASE("removed objects of every kind are found by verify") {
  const TemporaryDirectory source;
  make_tree(source / "tree", seed());
  auto store = std::make_shared<MemoryStore>();
  Machine machine(store);
  Repository repository = machine.init();
  machine.backup(repository, source / "tree");
  for (const auto& [name, bytes] : store->objects_without_probes()) {
    if (name == "kist.repo") continue;
    // Whoever was cut off right after an entry left no second copy of it: the next commit makes it.
    if (name == second_copy_path(journal_path(repository.state().next_sequence - 1))) continue;
    INFO(name);
    store->remove(name);
    const VerifyReport report = verify(repository, {.level = VerifyLevel::structure});
    REQUIRE_FALSE(report.findings.empty());
    REQUIRE(report_text(report).find(name) != std::string::npos);
    store->overwrite(name, bytes);
  }
}
