// One set of promises, run over every store.
#include <sys/stat.h>

#include "engine/store/local.h"
#include "tests/support/memory_store.h"
#include "tests/support/test.h"
#include "tests/support/tree_fixture.h"

using namespace kist;        // NOLINT(google-build-using-namespace)
using namespace kist::test;  // NOLINT(google-build-using-namespace)

namespace {

struct Local {
  Local() : store(open_local_store(open_disk(directory / "store"))) {}

  TemporaryDirectory directory;
  std::unique_ptr<Store> store;
};

struct Memory {
  std::unique_ptr<Store> store = std::make_unique<MemoryStore>();
};

std::vector<std::string> names_in(Store& store, const std::string& folder) {
  std::vector<std::string> out;
  store.list(folder, [&](const std::string& name) { out.push_back(name); });
  std::ranges::sort(out);
  return out;
}

}  // namespace

TEMPLATE_TEST_CASE("a store keeps its promises", "", Local, Memory) {
  TestType fixture;
  Store& store = *fixture.store;
  store.create_folders();

  SECTION("what was put is got back, whole and in ranges") {
    store.put("keys/a", to_bytes("hello world"));
    store.barrier();
    REQUIRE(store.size("keys/a") == 11U);
    REQUIRE(get_object(store, "keys/a", 100) == to_bytes("hello world"));
    Bytes part(5);
    REQUIRE(store.get_range("keys/a", 6, part) == 5);
    REQUIRE(part == to_bytes("world"));
    REQUIRE(store.get_range("keys/a", 9, part) == 2);
    REQUIRE(store.get_range("keys/a", 50, part) == 0);
  }
  SECTION("an object larger than allowed is refused before it is read") {
    store.put("keys/a", Bytes(101));
    REQUIRE(error_code([&] { get_object(store, "keys/a", 100); }) == Code::corrupt);
  }
  SECTION("what is not there is missing") {
    REQUIRE_FALSE(store.size("keys/none"));
    REQUIRE(error_code([&] { get_object(store, "keys/none", 10); }) == Code::missing);
    REQUIRE(names_in(store, "nowhere").empty());
  }
  SECTION("only the first of two wins a name") {
    REQUIRE(store.put_if_absent("journal/0000000001", to_bytes("first")));
    REQUIRE_FALSE(store.put_if_absent("journal/0000000001", to_bytes("second")));
    REQUIRE(get_object(store, "journal/0000000001", 100) == to_bytes("first"));
  }
  SECTION("putting what exists changes nothing") {
    store.put("keys/a", to_bytes("first"));
    store.put("keys/a", to_bytes("other"));
    REQUIRE(get_object(store, "keys/a", 100) == to_bytes("first"));
  }
  SECTION("an object written piece by piece has no name before it is finished") {
    {
      const auto abandoned = store.begin_put();
      abandoned->append(to_bytes("never"));
    }
    const auto writer = store.begin_put();
    writer->append(to_bytes("one "));
    REQUIRE(names_in(store, "packs/ab").empty());
    writer->append(to_bytes("two"));
    writer->finish("packs/ab/abcd");
    store.barrier();
    REQUIRE(names_in(store, "packs/ab") == std::vector<std::string>{"abcd"});
    REQUIRE(get_object(store, "packs/ab/abcd", 100) == to_bytes("one two"));
  }
  SECTION("what was removed is gone, and removing it again is fine") {
    store.put("keys/a", to_bytes("x"));
    store.remove("keys/a");
    store.remove("keys/a");
    REQUIRE_FALSE(store.size("keys/a"));
  }
}

TEST_CASE("what is no regular file is no object, and is not waited for") {
  Local fixture;
  fixture.store->create_folders();
  const std::string path = fixture.directory / "store/keys/fifo";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  Bytes part(5);
  REQUIRE(error_code([&] { fixture.store->get_range("keys/fifo", 0, part); }) == Code::corrupt);
  REQUIRE(error_code([&] { get_object(*fixture.store, "keys/fifo", 10); }) == Code::corrupt);
}

TEST_CASE("an abandoned write leaves no file in a local store") {
  const TemporaryDirectory directory;
  const auto store = open_local_store(open_disk(directory.path()));
  store->create_folders();
  {
    const auto writer = store->begin_put();
    writer->append(Bytes(100'000, 1));
  }
  std::size_t files = 0;
  for (const auto* folder : {"", "tmp", "packs", "keys"}) {
    store->list(folder, [&](const std::string&) { ++files; });
  }
  REQUIRE(files == 0);
}
