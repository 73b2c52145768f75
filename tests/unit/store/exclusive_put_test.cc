// The race that shows whether a store keeps put-if-absent: honest stores always pass, and each way
// of breaking the promise is seen, also by a store that keeps it for one client at a time.
#include "engine/store/exclusive_put.h"

#include <atomic>

#include "engine/store/local.h"
#include "tests/support/forwarding_store.h"
#include "tests/support/memory_disk.h"
#include "tests/support/memory_store.h"
#include "tests/support/racy_store.h"
#include "tests/support/test.h"
#include "tests/support/tree_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

std::optional<std::string> race(Store& store, std::uint64_t number = 1) {
  SeededRandom random(number);
  return find_exclusive_put_flaw(store, store, random);
}

// Tells every caller that it has won; the first object stays.
class AllWin final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  bool put_if_absent(const std::string& path, View bytes) override {
    put(path, bytes);
    return true;
  }
};

// Answers as it should, and stores the bytes of the last loser.
class KeepsLosers final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  bool put_if_absent(const std::string& path, View bytes) override {
    if (ForwardingStore::put_if_absent(path, bytes)) return true;
    replace(path, bytes);
    return false;
  }
};

// Loses every answer to a put that has won, and says of the repeated request what it then finds.
class LosesAnswers final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  bool put_if_absent(const std::string& path, View bytes) override {
    static_cast<void>(ForwardingStore::put_if_absent(path, bytes));
    return false;
  }
};

class RefusesAll final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  bool put_if_absent(const std::string& /*path*/, View /*bytes*/) override { return false; }
};

// Tells the first caller that it has won, and keeps nothing.
class LosesObjects final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  bool put_if_absent(const std::string& /*path*/, View /*bytes*/) override {
    return !has_been_won_.exchange(true);
  }

 private:
  std::atomic<bool> has_been_won_ = false;
};

// Fails the n-th put, before or after it has its effect.
class FailsOnce final : public ForwardingStore {
 public:
  FailsOnce(Store& store, int at, bool has_effect)
      : ForwardingStore(store), left_(at), has_effect_(has_effect) {}

  bool put_if_absent(const std::string& path, View bytes) override {
    const bool is_failing = left_-- == 0;
    if (is_failing && has_effect_) static_cast<void>(ForwardingStore::put_if_absent(path, bytes));
    if (is_failing) throw Error(Code::failed, "no answer");
    return ForwardingStore::put_if_absent(path, bytes);
  }

 private:
  std::atomic<int> left_;
  bool has_effect_;
};

class Damages final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  std::size_t get_range(const std::string& path, std::uint64_t offset, MutableView out) override {
    const std::size_t got = ForwardingStore::get_range(path, offset, out);
    if (got > 0) out[0] ^= 1U;
    return got;
  }
};

}  // namespace

TEST_CASE("a store that keeps put-if-absent is never refused") {
  const TemporaryDirectory directory;
  MemoryDisk disk;
  MemoryStore memory;
  const auto local = open_local_store(open_disk(directory / "store"));
  const auto on_memory_disk = open_local_store(disk.open());
  for (Store* store : {static_cast<Store*>(&memory), local.get(), on_memory_disk.get()}) {
    store->create_folders();
    for (std::uint64_t number = 0; number < 100; ++number) {
      const auto flaw = race(*store, number);
      INFO(flaw.value_or(""));
      REQUIRE_FALSE(flaw);
    }
  }
  REQUIRE(memory.objects().size() == 100);
}

TEST_CASE("a race leaves one small object of a path of its own") {
  MemoryStore store;
  REQUIRE_FALSE(race(store, 1));
  REQUIRE_FALSE(race(store, 2));
  const auto objects = store.objects();
  REQUIRE(objects.size() == 2);
  for (const auto& [path, bytes] : objects) {
    REQUIRE(path.starts_with("probe/"));
    REQUIRE(path.size() == 6 + 32);
    REQUIRE(bytes.size() < 256);
    REQUIRE(as_text(bytes).starts_with("kist: a test"));
  }
}

TEST_CASE("a store that checks, then puts, keeps its promise to one client and breaks it to two") {
  for (std::uint64_t number = 0; number < 50; ++number) {
    MemoryStore memory;
    RacyStore store(memory);
    REQUIRE(store.put_if_absent("journal/0000000001", to_bytes("first")));
    REQUIRE_FALSE(store.put_if_absent("journal/0000000001", to_bytes("second")));
    REQUIRE(race(store, 1'000 + number));
    const auto flaw = race(store, number);
    REQUIRE(flaw);
    REQUIRE(flaw->ends_with("of 16 puts of one object at the same time succeeded"));
  }
}

TEST_CASE("a store that lets everybody win is refused") {
  MemoryStore memory;
  AllWin store(memory);
  REQUIRE(race(store) == "16 of 16 puts of one object at the same time succeeded");
}

TEST_CASE("a store that keeps a loser's bytes is refused") {
  for (std::uint64_t number = 0; number < 50; ++number) {
    MemoryStore memory;
    KeepsLosers store(memory);
    REQUIRE(race(store, number) == "an object was stored that had been refused");
  }
}

TEST_CASE("a store that refuses a new object, or loses one, is refused") {
  MemoryStore memory;
  RefusesAll refusing(memory);
  REQUIRE(race(refusing) == "a new object was refused");
  LosesObjects losing(memory);
  REQUIRE(race(losing) == "an object was lost after its put");
}

TEST_CASE("a winner whose answer was lost is a winner") {
  MemoryStore memory;
  LosesAnswers store(memory);
  REQUIRE_FALSE(race(store));
}

TEST_CASE("a put without an answer, or a damaged reading-back, decides nothing") {
  for (int at = 0; at < 16; ++at) {
    for (const bool has_effect : {false, true}) {
      MemoryStore memory;
      FailsOnce store(memory, at, has_effect);
      REQUIRE(error_code([&] { static_cast<void>(race(store)); }) == Code::failed);
    }
  }
  MemoryStore memory;
  Damages store(memory);
  REQUIRE(error_code([&] { static_cast<void>(race(store)); }) == Code::corrupt);
}
