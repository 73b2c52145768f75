// Worker threads: what is submitted is done, and what fails is told.
#include "engine/base/pool.h"

#include <atomic>

#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("what a task throws comes out of its future") {
  Pool pool(2);
  auto good = pool.submit([] { return 5; });
  auto bad = pool.submit([]() -> int { throw Error(Code::failed, "broke"); });
  REQUIRE(good.get() == 5);
  REQUIRE(error_code([&] { bad.get(); }) == Code::failed);
}

TEST_CASE("what was submitted is done before a pool goes") {
  std::atomic<int> done = 0;
  {
    Pool pool(2);
    for (int i = 0; i < 100; ++i) {
      static_cast<void>(pool.submit([&] { ++done; }));
    }
  }
  REQUIRE(done == 100);
}

TEST_CASE("a pool that was asked for no threads has one") {
  Pool pool(0);
  REQUIRE(pool.thread_count() == 1);
  REQUIRE(pool.submit([] { return 3; }).get() == 3);
}

TEST_CASE("a wish to stop comes out of a task's future as what it is") {
  Pool pool(1);
  auto task = pool.submit([] { throw Interrupted("stop"); });
  REQUIRE_THROWS_AS(task.get(), Interrupted);
}

TEST_CASE("a group never has more tasks under way than its pool has threads, and two") {
  Pool pool(2);
  std::atomic<int> done = 0;
  TaskGroup group(pool);
  for (int submitted = 1; submitted <= 200; ++submitted) {
    group.submit([&] {
      std::this_thread::yield();
      ++done;
    });
    REQUIRE(submitted - done <= 2 + 2);
  }
  group.finish();
  REQUIRE(done == 200);
}

TEST_CASE("a task's failure comes out of its group, once, and the others are done all the same") {
  Pool pool(2);
  std::atomic<int> done = 0;
  TaskGroup group(pool);
  group.submit([] { throw Error(Code::failed, "broke"); });
  const auto submit_rest = [&] {
    for (int i = 0; i < 50; ++i) {
      group.submit([&] { ++done; });
    }
  };
  REQUIRE(error_code(submit_rest) == Code::failed);
  group.finish();
  REQUIRE(done > 0);
}

TEST_CASE("a group waits for its tasks before it goes, whatever ended its owner's work") {
  Pool pool(2);
  std::atomic<int> done = 0;
  const auto work = [&] {
    TaskGroup group(pool);
    for (int i = 0; i < 4; ++i) {
      group.submit([&] { ++done; });
    }
    throw Error(Code::refused, "the owner's work has ended");
  };
  REQUIRE(error_code(work) == Code::refused);
  REQUIRE(done == 4);
}
