// The pace of a store that is limited: by a clock of the test's own.
#include "engine/store/limited.h"

#include "tests/support/memory_store.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

// A limit of a thousand bytes a second, over a store in memory.
struct Paced {
  [[nodiscard]] double waited() const {
    return std::chrono::duration<double>(now - RateLimit::Time{}).count();
  }

  RateLimit::Time now{};
  std::shared_ptr<RateLimit> limit = std::make_shared<RateLimit>(
      1'000, [this] { return now; }, [this](RateLimit::Time until) { now = std::max(now, until); });
  std::shared_ptr<MemoryStore> memory = std::make_shared<MemoryStore>();
  std::unique_ptr<Store> store = limit_store(memory, limit);
};

}  // namespace

TEST_CASE("what is read and put takes the time that the limit says, and the rest takes none") {
  Paced run;
  run.store->put("packs/aa/one", Bytes(500));
  const std::unique_ptr<ObjectWriter> writer = run.store->begin_put();
  writer->append(Bytes(700));
  writer->append(Bytes(300));
  writer->finish("packs/aa/two");
  static_cast<void>(run.store->put_if_absent("journal/0", Bytes(200)));
  Bytes out(300);
  REQUIRE(run.store->get_range("packs/aa/two", 0, out) == 300);
  run.store->barrier();
  static_cast<void>(run.store->size("packs/aa/two"));
  std::size_t listed = 0;
  run.store->list("packs", [&](const std::string& /*path*/) { ++listed; });
  run.limit->spend(0);  // waits for all before it
  REQUIRE(listed == 2);
  REQUIRE(run.waited() > 1.999);
  REQUIRE(run.waited() < 2.001);
}

TEST_CASE("time in which nothing was carried is not made up for") {
  Paced run;
  run.limit->spend(1'000);
  run.now += std::chrono::seconds(60);
  run.limit->spend(2'000);
  run.limit->spend(0);
  REQUIRE(run.waited() > 61.9);
}

TEST_CASE("who waits for a slow line can stop") {
  RateLimit limit(1, [] { return true; });
  limit.spend(1'000'000);
  REQUIRE_THROWS_AS(limit.spend(1), Interrupted);
}
