// Errors, what counts as damage, and the context that an error gains on its way.
#include "engine/base/error.h"

#include <optional>

#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("what is damaged, absent or of another version is damage, and nothing else is") {
  for (const Code code : {Code::corrupt, Code::missing, Code::unsupported}) {
    REQUIRE(is_damage(Error(code, "")));
  }
  for (const Code code : {Code::failed, Code::invalid, Code::refused, Code::no_repository,
                          Code::conflict, Code::wrong_secret}) {
    REQUIRE_FALSE(is_damage(Error(code, "")));
  }
}

TEST_CASE("an error keeps its code and is told with every context that it has passed") {
  try {
    in_context("the backup",
               [] { in_context("packs/ab", [] { throw Error(Code::missing, "it is missing"); }); });
    FAIL("nothing was thrown");
  } catch (const Error& error) {
    REQUIRE(error.code() == Code::missing);
    REQUIRE(error.text() == "the backup: packs/ab: it is missing");
    REQUIRE(std::string(error.what()) == error.text());
  }
}

TEST_CASE("a wish to stop keeps its kind and gains its context") {
  std::optional<std::string> told;
  try {
    in_context("epoch 3 has begun", [] { throw Interrupted("run again"); });
  } catch (const Interrupted& interrupted) {
    told = interrupted.text();
  }
  REQUIRE(told == "epoch 3 has begun: run again");
}

TEST_CASE("work in a context gives back what it returns") {
  REQUIRE(in_context("a context", [] { return 7; }) == 7);
  int number = 0;
  int& same = in_context("a context", [&]() -> int& { return number; });
  REQUIRE(&same == &number);
}

TEST_CASE("pieces of a text are joined as they are, numbers in decimal") {
  const std::string text = "b";
  REQUIRE(concat("a", text, std::string_view("c"), 1, -2, std::uint64_t{3}) == "abc1-23");
  REQUIRE(concat().empty());
}
