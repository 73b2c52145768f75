// What patterns make of a directory on the way down. What single patterns match is tested with the
// walk, in tests/unit/source.
#include "engine/base/path_filter.h"

#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a path that is judged name by name is judged as a whole path is") {
  PathFilter filter;
  filter.exclude("/home/*/cache/");
  filter.exclude("a/**/z");
  filter.exclude("!a/b/z");
  const PathFilter::Verdict home = filter.judge(filter.root(), "home", true);
  const PathFilter::Verdict ann = filter.judge(home.below, "ann", true);
  REQUIRE_FALSE(ann.is_excluded);
  REQUIRE(filter.judge(ann.below, "cache", true).is_excluded);
  REQUIRE_FALSE(filter.judge(ann.below, "cache", false).is_excluded);
  const PathFilter::Verdict a = filter.judge(ann.below, "a", true);
  REQUIRE(filter.judge(a.below, "z", false).is_excluded);
  const PathFilter::Verdict b = filter.judge(a.below, "b", true);
  REQUIRE_FALSE(filter.judge(b.below, "z", false).is_excluded);
  REQUIRE(filter.judge_path("home/ann/a/z", false).is_excluded);
  REQUIRE_FALSE(filter.judge_path("home/ann/a/b/z", false).is_excluded);
}

TEST_CASE("a directory that no pattern can match in keeps none of them") {
  PathFilter filter;
  filter.exclude("/home/ann/*.tmp");
  REQUIRE(filter.judge(filter.root(), "etc", true).below.positions.empty());
  const PathFilter::Verdict home = filter.judge(filter.root(), "home", true);
  REQUIRE(home.below.positions.size() == 1);
  REQUIRE(filter.judge(home.below, "bob", true).below.positions.empty());
}

TEST_CASE("a directory on the way to an include pattern is not meant itself") {
  PathFilter filter;
  filter.include("/home/ann");
  REQUIRE(filter.has_includes());
  REQUIRE_FALSE(filter.judge_path("", true).is_included);
  REQUIRE_FALSE(filter.judge_path("home", true).is_included);
  REQUIRE_FALSE(filter.judge_path("home", true).below.positions.empty());
  REQUIRE(filter.judge_path("home/ann", true).is_included);
  REQUIRE(filter.judge_path("home/ann", true).below.is_included);
}

TEST_CASE("an include pattern does not bring back what an exclude pattern names") {
  PathFilter filter;
  filter.include("/home");
  filter.exclude("*.tmp");
  const PathFilter::Verdict verdict = filter.judge_path("home/a.tmp", false);
  REQUIRE(verdict.is_included);
  REQUIRE(verdict.is_excluded);
}

TEST_CASE("a filter without patterns means everything") {
  const PathFilter filter;
  REQUIRE(filter.empty());
  REQUIRE_FALSE(filter.has_includes());
  const PathFilter::Verdict verdict = filter.judge_path("any/path", false);
  REQUIRE(verdict.is_included);
  REQUIRE_FALSE(verdict.is_excluded);
}

TEST_CASE("a pattern that is too long is refused, and told by its beginning") {
  PathFilter filter;
  filter.exclude(std::string(64U << 10U, 'a'));
  try {
    filter.exclude(std::string((64U << 10U) + 1, 'a'));
    FAIL("nothing was thrown");
  } catch (const Error& error) {
    REQUIRE(error.code() == Code::invalid);
    REQUIRE(error.text().size() < 300);
  }
}
