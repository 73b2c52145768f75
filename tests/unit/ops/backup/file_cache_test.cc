// The cache of unchanged files: what is found again, what a cache takes the place of, and that
// damage costs a read and nothing else.
#include "engine/ops/backup/file_cache.h"

#include <filesystem>

#include "tests/support/repository_fixture.h"
#include "tests/support/samples.h"
#include "tests/support/test.h"
#include "tests/support/tree_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

const std::string cache_source(32, 'a');

Entry cached_file(const std::string& path) {
  Entry out;
  out.path = path;
  out.mode = 0644;
  out.inode = 7;
  out.size = 5000;
  out.content = {{ItemType::block, 5000, sample_id<BlockId>(1)}};
  return out;
}

// The directory of the caches of one source.
struct CacheDirectory {
  std::unique_ptr<FileCacheWriter> writer() {
    return std::make_unique<FileCacheWriter>(local, cache_source, random, observer);
  }

  // A cache of these paths, each with one block that is new in its entry.
  void write(CacheKind kind, const std::vector<std::string>& paths) {
    const auto out = writer();
    for (const std::string& path : paths) {
      out->add(cached_file(path), {{NumberBase::new_data, 3, 1}});
    }
    out->end_era({.first_number = 100, .data = 10, .meta = 5});
    out->commit(kind, {.snapshot = sample_id<SnapshotId>(1), .started_ms = 42});
  }

  [[nodiscard]] std::unique_ptr<FileCacheReader> open(CacheKind kind) const {
    return FileCacheReader::open(local, cache_source, kind);
  }

  // A file of the source's caches, by how its name ends.
  [[nodiscard]] std::string file(const std::string& ending) const {
    return local.cache_directory() + "/" + cache_source + ending;
  }

  [[nodiscard]] std::vector<std::string> files() const {
    std::vector<std::string> out;
    for (const auto& file : std::filesystem::directory_iterator(local.cache_directory())) {
      out.push_back(file.path().string());
    }
    std::ranges::sort(out);
    return out;
  }

  // The one file that holds entries.
  [[nodiscard]] std::string pieces() const {
    std::vector<std::string> found = files();
    std::erase_if(found, [](const std::string& path) {
      return path.ends_with(".key") || path.ends_with(".pending");
    });
    REQUIRE(found.size() == 1);
    return found.front();
  }

  TemporaryDirectory directory;
  SeededRandom random{seed()};
  RecordingObserver observer;
  LocalDirectory local{directory / "state", random, observer};
};

void flip_file_byte(const std::string& path, std::size_t offset) {
  Bytes bytes = slurp(path);
  bytes.at(offset) ^= 1;
  write_file(path, bytes);
}

}  // namespace

TEST_CASE("a cached entry is found again with its blocks as numbers that stand by themselves") {
  CacheDirectory caches;
  const auto writer = caches.writer();
  writer->add(cached_file("a"), {{NumberBase::absolute, 5, 2}, {NumberBase::new_data, 3, 1}});
  writer->end_era({.first_number = 100, .data = 10, .meta = 5});
  writer->add(cached_file("b"), {{NumberBase::new_data, 0, 1}, {NumberBase::new_meta, 2, 1}});
  writer->end_era({.first_number = 200, .data = 10, .meta = 5});
  writer->commit(CacheKind::complete, {.snapshot = sample_id<SnapshotId>(1), .started_ms = 42});
  const auto reader = caches.open(CacheKind::complete);
  REQUIRE(reader);
  REQUIRE(reader->facts().snapshot == sample_id<SnapshotId>(1));
  REQUIRE(reader->facts().started_ms == 42);
  REQUIRE(reader->facts().last_path == "b");
  const CachedEntry* first = reader->find("a");
  REQUIRE(first != nullptr);
  REQUIRE(first->entry == cached_file("a"));
  REQUIRE(first->runs ==
          std::vector<ReferenceRun>{{NumberBase::absolute, 5, 2}, {NumberBase::absolute, 103, 1}});
  const CachedEntry* second = reader->find("b");
  REQUIRE(second != nullptr);
  REQUIRE(second->runs == std::vector<ReferenceRun>{{NumberBase::absolute, 200, 1},
                                                    {NumberBase::absolute, 212, 1}});
}

TEST_CASE("paths that a cache lacks are not found, and those after them are") {
  CacheDirectory caches;
  caches.write(CacheKind::complete, {"a", "a/b", "a.txt", "c"});
  const auto reader = caches.open(CacheKind::complete);
  REQUIRE(reader->find("") == nullptr);
  REQUIRE(reader->find("a/a") == nullptr);
  REQUIRE(reader->find("a/b") != nullptr);
  REQUIRE(reader->find("a.txt") != nullptr);
  REQUIRE(reader->find("b") == nullptr);
  REQUIRE(reader->find("c") != nullptr);
  REQUIRE(reader->find("d") == nullptr);
}

TEST_CASE("a cache of many pieces is read through to its end") {
  CacheDirectory caches;
  std::vector<std::string> paths;
  paths.reserve(5000);
  for (int i = 0; i < 5000; ++i) {
    paths.push_back(concat("directory/", 100'000 + i, std::string(100, 'x')));
  }
  caches.write(CacheKind::complete, paths);
  REQUIRE(std::filesystem::file_size(caches.pieces()) > (1U << 18U));
  const auto reader = caches.open(CacheKind::complete);
  REQUIRE(std::ranges::all_of(paths, [&](const auto& path) { return reader->find(path); }));
}

TEST_CASE("a cache that is not committed leaves the former one, and no file of its own") {
  CacheDirectory caches;
  caches.write(CacheKind::complete, {"a"});
  const std::vector<std::string> before = caches.files();
  caches.writer()->add(cached_file("b"), {});
  REQUIRE(caches.files() == before);
  REQUIRE(caches.open(CacheKind::complete)->find("a") != nullptr);
}

TEST_CASE("a pending cache stands beside the complete one, which takes the place of both") {
  CacheDirectory caches;
  REQUIRE_FALSE(caches.open(CacheKind::complete));
  caches.write(CacheKind::complete, {"a"});
  caches.write(CacheKind::pending, {"b"});
  REQUIRE(caches.open(CacheKind::complete)->find("a") != nullptr);
  REQUIRE(caches.open(CacheKind::pending)->find("b") != nullptr);
  caches.write(CacheKind::complete, {"c"});
  REQUIRE_FALSE(caches.open(CacheKind::pending));
  REQUIRE(caches.open(CacheKind::complete)->find("c") != nullptr);
  REQUIRE(caches.files().size() == 2);
}

TEST_CASE("the facts file of a cache that was replaced is overwritten, under all its names") {
  CacheDirectory caches;
  caches.write(CacheKind::complete, {"a"});
  const std::string kept = caches.directory / "kept";
  std::filesystem::create_hard_link(caches.file(".key"), kept);
  const std::size_t size = slurp(kept).size();
  caches.write(CacheKind::complete, {"a"});
  REQUIRE(slurp(kept) == Bytes(size));
  REQUIRE(caches.open(CacheKind::complete)->find("a") != nullptr);
}

TEST_CASE("a cache names nothing in its files, its last path included") {
  CacheDirectory caches;
  caches.write(CacheKind::complete, {"merger-plan"});
  caches.write(CacheKind::pending, {"merger-plan"});
  for (const std::string& path : caches.files()) {
    INFO(path);
    REQUIRE_FALSE(holds(slurp(path), std::string_view("merger-plan")));
  }
}

TEST_CASE("a cache of an epoch that the machine has left opens no more, wherever a copy lies") {
  CacheDirectory caches;
  caches.write(CacheKind::complete, {"a"});
  std::filesystem::copy(caches.local.cache_directory(), caches.directory / "copy");
  caches.local.forget_before(sample_id<EpochId>(2), caches.random);
  REQUIRE_FALSE(caches.open(CacheKind::complete));
  std::filesystem::copy(caches.directory / "copy", caches.local.cache_directory());
  REQUIRE_FALSE(caches.open(CacheKind::complete));
  // Nor does it stand in the way of the next one.
  caches.write(CacheKind::complete, {"b"});
  REQUIRE(caches.open(CacheKind::complete)->find("b") != nullptr);
  REQUIRE(caches.files().size() == 2);
}

TEST_CASE("a cache that another process writes after the epoch was left is nobody's") {
  CacheDirectory caches;
  // Another process of the machine, which still works in the former epoch.
  LocalDirectory behind(caches.directory / "state", caches.random, caches.observer);
  caches.local.forget_before(sample_id<EpochId>(2), caches.random);
  FileCacheWriter late(behind, cache_source, caches.random, caches.observer);
  late.add(cached_file("a"), {{NumberBase::new_data, 3, 1}});
  late.end_era({.first_number = 100, .data = 10, .meta = 5});
  late.commit(CacheKind::complete, {.snapshot = sample_id<SnapshotId>(1)});
  REQUIRE(std::filesystem::exists(caches.file(".key")));
  REQUIRE_FALSE(caches.open(CacheKind::complete));
}

TEST_CASE("a damaged cache ends where the damage is, and what is before it still counts") {
  CacheDirectory caches;
  caches.write(CacheKind::complete, {"a"});
  SECTION("in its entries") {
    flip_file_byte(caches.pieces(), 20);
    REQUIRE(caches.open(CacheKind::complete)->find("a") == nullptr);
  }
  SECTION("cut short") {
    std::filesystem::resize_file(caches.pieces(), 10);
    REQUIRE(caches.open(CacheKind::complete)->find("a") == nullptr);
  }
  SECTION("a size that no piece has") {
    Bytes bytes = slurp(caches.pieces());
    std::fill_n(bytes.begin(), 4, std::uint8_t{0xff});
    write_file(caches.pieces(), bytes);
    REQUIRE(caches.open(CacheKind::complete)->find("a") == nullptr);
  }
  SECTION("in the file that holds its key") {
    for (const std::size_t offset : {0U, 10U, 30U, 60U, 100U}) {
      const std::string path = caches.file(".key");
      flip_file_byte(path, offset);
      REQUIRE_FALSE(caches.open(CacheKind::complete));
      flip_file_byte(path, offset);
    }
    REQUIRE(caches.open(CacheKind::complete));
  }
  SECTION("its entries are gone") {
    std::filesystem::remove(caches.pieces());
    REQUIRE_FALSE(caches.open(CacheKind::complete));
  }
}

TEST_CASE("entries that a run that was killed has left are cleared, and nothing else is") {
  CacheDirectory caches;
  caches.write(CacheKind::complete, {"a"});
  const std::string stray = caches.file("." + std::string(32, '0'));
  const std::string other = caches.file(".notes");
  write_file(stray, Bytes(10));
  write_file(other, Bytes(10));
  caches.writer();
  REQUIRE_FALSE(std::filesystem::exists(stray));
  REQUIRE(std::filesystem::exists(other));
  REQUIRE(caches.open(CacheKind::complete)->find("a") != nullptr);
}

TEST_CASE("a cache that cannot be written is given up with one notice, not the backup") {
  CacheDirectory caches;
  write_file(caches.local.cache_directory(), Bytes(1));  // a file where the directory should be
  const auto writer = caches.writer();
  writer->add(cached_file("a"), {});
  writer->end_era({});
  REQUIRE_NOTHROW(writer->commit(CacheKind::complete, {}));
  REQUIRE(caches.observer.notices.size() == 1);
  REQUIRE_FALSE(caches.open(CacheKind::complete));
}
