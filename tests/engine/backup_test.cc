// Backup, restore and verify together: what goes in comes out, what has not changed costs nothing,
// what is damaged is named.
#include <algorithm>
#include <chrono>
#include <filesystem>

#include "engine/blocks/snapshot_opener.h"
#include "engine/format/journal_entry.h"
#include "engine/format/names.h"
#include "engine/store/local.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

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

bool contains(View haystack, View needle) {
  return std::search(haystack.begin(), haystack.end(), needle.begin(), needle.end()) !=
         haystack.end();
}

}  // namespace

TEST_CASE("what is restored is what was backed up, in every respect") {
  TreeWorld world;
  world.backup();
  REQUIRE(world.machine.observer.problems.empty());
  const RestoreResult restored = world.restore();
  REQUIRE(world.machine.observer.problems.empty());
  REQUIRE(restored.refused.empty());
  const auto differences = world.differences();
  CAPTURE(differences);
  REQUIRE(differences.empty());
  require_sound(world.repository);
}

TEST_CASE("a whole snapshot is restored below the target under its full path") {
  TreeWorld world;
  const BackupResult result = world.backup();
  const std::string out = world.out();
  world.machine.restore(world.repository, result.snapshot, "/", out);
  REQUIRE(compare_trees(world.tree(), out + world.tree()).empty());
}

TEST_CASE("one file is restored under its own name, reading just the packs that hold it") {
  TreeWorld world;
  const BackupResult result = world.backup();
  const std::uint64_t before = world.store->get_count("packs/");
  world.machine.restore(world.repository, result.snapshot, world.tree("documents/file-4096"),
                        world.source / "one");
  REQUIRE(slurp(world.source / "one/file-4096") == slurp(world.tree("documents/file-4096")));
  REQUIRE(world.store->get_count("packs/") - before <= 6);
}

TEST_CASE("an unchanged tree again opens no file and stores no data pack") {
  TreeWorld world;
  const BackupResult first = world.backup();
  const std::size_t packs = names_of(*world.store, "packs/").size();
  const BackupResult second = world.backup();
  REQUIRE(second.files_opened == 0);
  REQUIRE(second.statistics.blocks_new == 0);
  REQUIRE(second.statistics.files_unmodified == first.statistics.files_new);
  REQUIRE(names_of(*world.store, "packs/").size() == packs);
  world.restore();
  REQUIRE(world.differences().empty());
  require_sound(world.repository);
}

TEST_CASE("a changed file is read, and nothing else") {
  TreeWorld world;
  world.backup();
  write_file(world.tree("documents/file-4096"), Bytes(4096, 3));
  const BackupResult second = world.backup();
  REQUIRE(second.files_opened == 1);
  REQUIRE(second.statistics.files_changed == 1);
  world.restore();
  REQUIRE(world.differences().empty());
}

TEST_CASE("a file touched within two seconds of the last backup's start is read again") {
  Site site;
  write_file(site.tree("file"), Bytes(5000, 1));
  FixedClock& clock = site.machine.clock;
  clock.advance_ms(1'600'000'000'000 - clock.now_ms());
  Repository repository = site.machine.init();
  const auto touched = std::filesystem::last_write_time(site.tree("file"));
  const auto since_epoch = std::filesystem::file_time_type::clock::to_sys(touched);
  const std::int64_t touched_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch.time_since_epoch()).count();
  clock.advance_ms(touched_ms + 1000 - 60'000 - clock.now_ms());
  site.machine.backup(repository, site.tree());
  REQUIRE(site.machine.backup(repository, site.tree()).files_opened == 1);
  REQUIRE(site.machine.backup(repository, site.tree()).files_opened == 0);
}

TEST_CASE("without its file cache a backup reads all and stores nothing new") {
  TreeWorld world;
  world.backup();
  std::filesystem::remove_all(world.repository.local().cache_directory());
  const BackupResult second = world.backup();
  REQUIRE(second.files_opened > 0);
  REQUIRE(second.statistics.bytes_new == 0);
}

TEST_CASE("a damaged file cache is noticed and costs a read, never a wrong snapshot") {
  TreeWorld world;
  world.backup();
  for (const auto& file :
       std::filesystem::directory_iterator(world.repository.local().cache_directory())) {
    Bytes bytes = slurp(file.path().string());
    bytes[bytes.size() / 2] ^= 1;
    write_file(file.path().string(), bytes);
  }
  const BackupResult second = world.backup();
  world.restore();
  REQUIRE(world.differences().empty());
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
  World world;
  std::filesystem::create_directories(world.tree("confidential-folder"));
  SeededRandom random(seed());
  const Bytes secret_content = random_bytes(random, 200'000);
  const std::string secret_text(5000, 'Q');
  write_file(world.tree("confidential-folder/merger-plan.txt"), secret_content);
  write_file(world.tree("confidential-folder/tiny-secret"), to_bytes("the code is 1234567890"));
  write_file(world.tree("confidential-folder/compressible"), to_bytes(secret_text));
  world.backup();
  std::vector<Bytes> needles = {to_bytes("confidential"), to_bytes("merger-plan"),
                                to_bytes("tiny-secret"), to_bytes("the code is 1234"),
                                to_bytes("QQQQQQQQQQQQQQQQ")};
  for (std::size_t at = 0; at + 16 <= secret_content.size(); at += 4099) {
    needles.emplace_back(secret_content.begin() + static_cast<std::ptrdiff_t>(at),
                         secret_content.begin() + static_cast<std::ptrdiff_t>(at + 16));
  }
  const auto count_found = [&] {
    std::size_t found = 0;
    for (const auto& [name, bytes] : world.store->objects()) {
      for (const Bytes& needle : needles) {
        if (contains(bytes, needle) || contains(as_view(name), needle)) ++found;
      }
    }
    return found;
  };
  REQUIRE(count_found() == 0);
  // The search itself works: what is planted is found.
  world.store->put("keys/planted", to_bytes("xx merger-plan xx"));
  REQUIRE(count_found() == 1);
}

TEST_CASE("with --overwrite never, a name that exists in the target is left alone and reported") {
  World world;
  std::filesystem::create_directories(world.tree("sub"));
  write_file(world.tree("a"), to_bytes("from the snapshot"));
  write_file(world.tree("sub/b"), Bytes(5000, 1));
  world.backup();
  std::filesystem::create_directories(world.out("sub"));
  write_file(world.out("a"), to_bytes("mine"));
  write_file(world.out("sub/b"), to_bytes("mine too"));
  const RestoreResult restored = world.restore(Overwrite::never);
  REQUIRE(restored.problems == 2);
  REQUIRE(slurp(world.out("a")) == to_bytes("mine"));
  REQUIRE(slurp(world.out("sub/b")) == to_bytes("mine too"));
}

TEST_CASE("with --overwrite never, a directory that exists in the target keeps its own mode") {
  World world;
  std::filesystem::create_directories(world.tree("sub"));
  world.backup();
  std::filesystem::create_directories(world.out("sub"));
  std::filesystem::permissions(world.out("sub"), std::filesystem::perms::owner_all);
  world.restore(Overwrite::never);
  REQUIRE(std::filesystem::status(world.out("sub")).permissions() ==
          std::filesystem::perms::owner_all);
}

TEST_CASE("a hard link whose first name is not restored comes back as the file itself") {
  World world;
  std::filesystem::create_directories(world.tree("a"));
  std::filesystem::create_directories(world.tree("b"));
  write_file(world.tree("a/first"), Bytes(5000, 1));
  std::filesystem::create_hard_link(world.tree("a/first"), world.tree("b/second"));
  std::filesystem::create_hard_link(world.tree("a/first"), world.tree("b/third"));
  const BackupResult result = world.backup();
  const RestoreResult restored =
      world.machine.restore(world.repository, result.snapshot, world.tree("b"), world.out());
  REQUIRE(restored.problems == 0);
  REQUIRE(slurp(world.out("second")) == Bytes(5000, 1));
  REQUIRE(std::filesystem::hard_link_count(world.out("third")) == 2);
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
  require_sound(second);
}

TEST_CASE("a link planted in the target is not followed") {
  World world;
  std::filesystem::create_directories(world.tree("sub"));
  write_file(world.tree("sub/b"), Bytes(5000, 1));
  world.backup();
  std::filesystem::create_directories(world.out());
  std::filesystem::create_directories(world.source / "elsewhere");
  std::filesystem::create_directory_symlink(world.source / "elsewhere", world.out("sub"));
  const RestoreResult kept = world.restore(Overwrite::never);
  REQUIRE(kept.problems > 0);
  REQUIRE(std::filesystem::is_symlink(world.out("sub")));
  REQUIRE(std::filesystem::is_empty(world.source / "elsewhere"));
  const RestoreResult restored = world.restore();
  REQUIRE(restored.problems == 0);
  REQUIRE(std::filesystem::is_empty(world.source / "elsewhere"));
  REQUIRE(world.differences().empty());
}

TEST_CASE("damage in any pack is found, named, and never restored as content") {
  TreeWorld world;
  world.backup();
  for (const auto& [name, bytes] : world.store->objects()) {
    if (!name.starts_with("packs/")) continue;
    INFO(name);
    flip_bit(*world.store, name, 5000);
    REQUIRE(findings_of(verify(world.repository, {.level = VerifyLevel::structure})).empty());
    const VerifyReport storage = verify(world.repository, {.level = VerifyLevel::storage});
    REQUIRE(storage.findings.size() == 1);
    REQUIRE(storage.findings[0].object == name);
    REQUIRE_FALSE(verify_content(world.repository).findings.empty());
    world.store->overwrite(name, bytes);
  }
  require_sound(world.repository);
}

TEST_CASE("a file with a damaged block is not left behind half restored") {
  TreeWorld world;
  world.backup();
  damage_large_packs(*world.store);
  const RestoreResult restored = world.restore();
  REQUIRE(restored.damaged > 0);
  for (const auto& file : std::filesystem::recursive_directory_iterator(world.out())) {
    if (!file.is_regular_file() || file.is_symlink()) continue;
    const std::string path = file.path().string();
    REQUIRE(slurp(path) == slurp(world.tree() + path.substr(world.out().size())));
  }
}

TEST_CASE("removed objects of every kind are found by verify") {
  TreeWorld world;
  world.backup();
  for (const auto& [name, bytes] : world.store->objects_without_probes()) {
    if (name == "kist.repo") continue;
    // Whoever was cut off right after an entry left no second copy of it: the next commit makes it.
    if (name == second_copy_path(journal_path(world.repository.state().next_sequence - 1)))
      continue;
    INFO(name);
    world.store->remove(name);
    const VerifyReport report = verify(world.repository, {.level = VerifyLevel::structure});
    REQUIRE_FALSE(report.findings.empty());
    REQUIRE(findings_of(report).find(name) != std::string::npos);
    world.store->overwrite(name, bytes);
  }
}

TEST_CASE("no journal entry holds a root, a size or a text that somebody typed") {
  World world;
  write_file(world.tree("named-file"), Bytes(1000, 7));
  const std::uint64_t size = 0x123456789aULL;  // a hole
  std::filesystem::resize_file(world.tree("named-file"), size);
  BackupOptions options;
  options.paths = {world.tree()};
  options.source = "test";
  options.host = "typed-host";
  options.tags = {"typed-tag"};
  options.description = "typed-description";
  options.threads = 2;
  const SnapshotState snapshot =
      world.repository.state().snapshots.at(backup(world.repository, options).snapshot);
  const SnapshotBody body =
      get_body(world.repository.journal(), world.repository.read_keys(), snapshot);
  REQUIRE(body.tags == options.tags);
  ByteWriter sizes;
  sizes.u64(size);
  const Bytes little_endian = sizes.take();
  sizes.varint(size);
  const Bytes varint = sizes.take();
  std::size_t entries = 0;
  world.repository.journal().for_each_entry(0, [&](const ReplayedEntry& replayed) {
    const Bytes payload = encode_journal_payload(replayed.entry);
    REQUIRE_FALSE(holds(payload, body.root.bytes));
    REQUIRE_FALSE(holds(payload, varint));
    REQUIRE_FALSE(holds(payload, View(little_endian).first(5)));
    for (const std::string_view text : {"typed", "named-file", "/tree"}) {
      REQUIRE_FALSE(holds(payload, as_view(text)));
    }
    ++entries;
    return true;
  });
  REQUIRE(entries == 2);
}

TEST_CASE("of two backups of few and of more files the entries differ in nothing that counts") {
  World world;
  const auto taken = [&](std::uint64_t files) {
    SeededRandom content(seed() + files);
    for (std::uint64_t i = 0; i < files; ++i) {
      write_file(world.tree(concat("file", files, "-", i)), random_bytes(content, 1000));
    }
    const SnapshotId id = world.backup().snapshot;
    return world.repository.state().snapshots.at(id).taken;
  };
  const SnapshotTaken few = taken(3);
  SnapshotTaken more = taken(30);
  // Ids, hashes, times, and the first number, which follows from what was reserved before.
  more.snapshot = few.snapshot;
  more.started_ms = few.started_ms;
  more.body = few.body;
  more.reference_set = few.reference_set;
  REQUIRE(more.numbers.first_number == few.numbers.first_number + few.numbers.count());
  more.numbers.first_number = few.numbers.first_number;
  REQUIRE(more.segments.size() == few.segments.size());
  more.segments = few.segments;
  REQUIRE(more.key_segments.size() == few.key_segments.size());
  more.key_segments = few.key_segments;
  REQUIRE(more == few);
}
