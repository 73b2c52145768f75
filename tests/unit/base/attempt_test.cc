// Failures as values: what becomes a value, and what leaves all the same.
#include "engine/base/attempt.h"

#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a failure comes back as it was thrown, and work that ends well gives none") {
  const auto failure = failure_of([] { throw Error(Code::refused, "not you"); });
  REQUIRE(failure);
  REQUIRE(failure->code() == Code::refused);
  REQUIRE(failure->text() == "not you");
  bool is_done = false;
  REQUIRE_FALSE(failure_of([&] { is_done = true; }));
  REQUIRE(is_done);
}

TEST_CASE("damage comes back as a value, and any other failure leaves") {
  for (const Code code : {Code::corrupt, Code::missing, Code::unsupported}) {
    const auto damage = damage_of([&] { throw Error(code, "damaged"); });
    REQUIRE(damage);
    REQUIRE(damage->code() == code);
  }
  for (const Code code : {Code::failed, Code::invalid, Code::refused, Code::no_repository,
                          Code::conflict, Code::wrong_secret}) {
    const auto attempt = [&] {
      static_cast<void>(damage_of([&] { throw Error(code, "no damage"); }));
    };
    REQUIRE(error_code(attempt) == code);
  }
  REQUIRE_FALSE(damage_of([] {}));
}

TEST_CASE("a wish to stop is neither a failure nor damage: it leaves") {
  const auto interrupt = [] { throw Interrupted("stopped; nothing is lost"); };
  REQUIRE_THROWS_AS(static_cast<void>(failure_of(interrupt)), Interrupted);
  REQUIRE_THROWS_AS(static_cast<void>(damage_of(interrupt)), Interrupted);
}
