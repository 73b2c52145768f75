// Every store keeps the promises of tests/support/store_suite.h; then what only a store in a
// directory can promise.
#include <filesystem>

#include <sys/stat.h>

#include "engine/store/local.h"
#include "engine/store/location.h"
#include "tests/support/memory_disk.h"
#include "tests/support/memory_store.h"
#include "tests/support/store_suite.h"
#include "tests/support/test.h"
#include "tests/support/tree_fixture.h"

using namespace kist;
using namespace kist::test;

namespace fs = std::filesystem;

namespace {

OpenStore new_directory() {
  const auto directory = std::make_shared<TemporaryDirectory>();
  return [directory] { return open_local_store(open_disk(*directory / "store")); };
}

OpenStore new_memory_disk() {
  const auto disk = std::make_shared<MemoryDisk>();
  return [disk] { return open_local_store(disk->open()); };
}

OpenStore new_memory_store() {
  return [store = std::make_shared<MemoryStore>()]() -> std::shared_ptr<Store> { return store; };
}

struct StoreKind {
  std::string name;
  OpenStore (*make)();
};

const std::vector<StoreKind> store_kinds = {
    {"a directory", &new_directory},
    {"a directory on a disk in memory", &new_memory_disk},
    {"memory", &new_memory_store},
};

struct Local {
  Local() : store(open_local_store(open_disk(directory / "store"))) { store->create_folders(); }

  TemporaryDirectory directory;
  std::unique_ptr<Store> store;
};

}  // namespace

TEST_CASE("a store keeps its promises") {
  for (const StoreKind& kind : store_kinds) {
    for (const StorePromise& promise : store_promises()) {
      DYNAMIC_SECTION(kind.name << ": " << promise.text) {
        promise.check(kind.make());
      }
    }
  }
}

TEST_CASE("what is no regular file is no object, and is not waited for") {
  Local fixture;
  Store& store = *fixture.store;
  REQUIRE(::mkfifo((fixture.directory / "store/keys/x").c_str(), 0600) == 0);
  fs::create_directory(fixture.directory / "store/keys/y");
  fs::create_symlink("x", fixture.directory / "store/keys/z");
  fs::create_symlink("nowhere", fixture.directory / "store/keys/w");
  Bytes part(5);
  for (const std::string path : {"keys/x", "keys/y", "keys/z", "keys/w"}) {
    INFO(path);
    REQUIRE(store.size(path));
    REQUIRE(error_code([&] { store.get_range(path, 0, part); }) == Code::corrupt);
    REQUIRE(error_code([&] { get_object(store, path, 1U << 20U); }) == Code::corrupt);
    REQUIRE_FALSE(store.put_if_absent(path, part));
  }
}

TEST_CASE("a listing follows no link, wherever it leads, and names it") {
  Local fixture;
  fixture.store->put("slots/one", to_bytes("x"));
  fixture.store->put("packs/ab/abcd", to_bytes("x"));
  for (const std::string folder : {"slots", "packs"}) {
    for (const std::string name : {"a", "b"}) {
      fs::create_symlink("..", fixture.directory / concat("store/", folder, "/", name));
    }
  }
  REQUIRE(paths_in(*fixture.store, "slots") == std::vector<std::string>{"a", "b", "one"});
  REQUIRE(paths_in(*fixture.store, "packs") == std::vector<std::string>{"a", "ab/abcd", "b"});
}

TEST_CASE("a folder where only objects lie is not opened, however deep it leads") {
  Local fixture;
  fixture.store->put("slots/one", to_bytes("x"));
  fs::create_directories(fixture.directory / "store/slots/deep/deeper");
  fs::create_symlink("../..", fixture.directory / "store/slots/deep/deeper/back");
  REQUIRE(paths_in(*fixture.store, "slots") == std::vector<std::string>{"deep", "one"});
}

TEST_CASE("an abandoned write leaves no file in a local store") {
  Local fixture;
  {
    const auto writer = fixture.store->begin_put();
    writer->append(Bytes(100'000, 1));
  }
  std::size_t files = 0;
  for (const auto& file : fs::recursive_directory_iterator(fixture.directory.path())) {
    if (!file.is_directory()) ++files;
  }
  REQUIRE(files == 0);
}

TEST_CASE("what a barrier or a confirmation covers outlasts a power cut") {
  for (std::uint64_t cut = 0; cut < 20; ++cut) {
    MemoryDisk disk;
    const auto store = open_local_store(disk.open());
    const auto other = open_local_store(disk.open());
    store->create_folders();
    store->put("epochs/1-ab/cd", to_bytes("deep"));
    store->put("keys/a", to_bytes("old"));
    store->put("keys/b", to_bytes("gone"));
    store->barrier();
    store->remove("keys/b");
    store->replace("keys/a", to_bytes("new"));
    store->put("packs/ab/abcd", to_bytes("pack"));
    store->barrier();
    other->put("journal/0000000001", to_bytes("entry"));
    store->confirm("journal/0000000001");
    MemoryDisk left = disk.after_crash(cut);
    const auto after = open_local_store(left.open());
    REQUIRE(paths_in(*after, "") == std::vector<std::string>{"epochs/1-ab/cd", "journal/0000000001",
                                                             "keys/a", "packs/ab/abcd"});
    REQUIRE(get_object(*after, "keys/a", 100) == to_bytes("new"));
    REQUIRE(get_object(*after, "journal/0000000001", 100) == to_bytes("entry"));
  }
}

TEST_CASE("a store that fails says so, and keeps what it had") {
  MemoryDisk disk;
  const auto store = open_local_store(disk.open());
  store->create_folders();
  store->put("keys/a", to_bytes("x"));
  store->barrier();
  for (const Fault fault : {Fault::io_error, Fault::no_space}) {
    for (std::uint64_t at = 0;; ++at) {
      disk.plan({.fault_at = at, .fault = fault});
      bool has_failed = false;
      try {
        store->put("keys/b", to_bytes("y"));
        store->barrier();
      } catch (const Error& error) {
        REQUIRE(error.code() == Code::failed);
        has_failed = true;
      }
      const bool has_faulted = disk.has_faulted();
      disk.plan({});
      REQUIRE(has_failed == has_faulted);
      REQUIRE(get_object(*store, "keys/a", 10) == to_bytes("x"));
      // Whole or not at all; and the same bytes may be put again.
      const auto found = find_object(*store, "keys/b", 10);
      REQUIRE((!found || *found == to_bytes("y")));
      store->put("keys/b", to_bytes("y"));
      REQUIRE(get_object(*store, "keys/b", 10) == to_bytes("y"));
      store->remove("keys/b");
      if (!has_faulted) break;
    }
  }
}

TEST_CASE("a location is a path, or of a scheme that this version knows") {
  const TemporaryDirectory directory;
  const auto store = open_location(directory / "x/../store");
  store->create_folders();
  store->put("keys/a", to_bytes("x"));
  REQUIRE(slurp(directory / "store/keys/a") == to_bytes("x"));
  for (const std::string location : {"s3://bucket/x", "sftp://host/x", "memory://", "://x"}) {
    try {
      open_location(location);
      FAIL(location);
    } catch (const Error& error) {
      REQUIRE(error.code() == Code::unsupported);
      REQUIRE(error.text() == "this version stores in directories only, not in " + location);
    }
  }
}
