// An owner with a newer kist requires a feature; machines that do not know it stop, whether they
// have followed the journal before or not.
#include "tests/support/roles.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a feature that a client does not know stops it, reading and writing") {
  Roles roles(writer_capabilities);
  Repository laptop = roles.open();
  // Its own client does not know the feature either, and meets it once the entry is there.
  REQUIRE(error_code([&] {
            commit(roles.owner_repository,
                   [](const State& /*state*/) { return FeaturesRequired{{"teleport"}}; });
          }) == Code::unsupported);
  const auto entries = names_of(*roles.store, "journal/");
  roles.write_news(100'000);
  REQUIRE(error_code([&] { roles.backup(laptop, "laptop"); }) == Code::unsupported);
  REQUIRE(names_of(*roles.store, "journal/") == entries);
  const auto objects = roles.store->objects();
  REQUIRE(error_code([&] { roles.open(); }) == Code::unsupported);
  Machine fresh(roles.store, 5);
  const auto failure = failure_of([&] { fresh.open(); });
  REQUIRE(failure);
  REQUIRE(failure->text() ==
          "the repository requires the feature \"teleport\", which this version does not know: it "
          "needs a newer kist; nothing was read or changed");
  Repository& owner = roles.owner_repository;
  REQUIRE(error_code([&] { verify(owner, {}); }) == Code::unsupported);
  REQUIRE(error_code([&] { end_epoch(owner, {}); }) == Code::unsupported);
  REQUIRE(roles.store->objects() == objects);
}
