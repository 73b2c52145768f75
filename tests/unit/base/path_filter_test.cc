// Patterns: what each of them matches, and which of several decides.
#include "engine/base/path_filter.h"

#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

bool is_excluded(const std::vector<std::string>& patterns,
                 const std::string& path,
                 bool is_directory = false) {
  PathFilter filter;
  for (const std::string& pattern : patterns) {
    filter.exclude(pattern);
  }
  return filter.match_path(path, is_directory).is_excluded;
}

bool is_included(const std::vector<std::string>& patterns, const std::string& path) {
  PathFilter filter;
  for (const std::string& pattern : patterns) {
    filter.include(pattern);
  }
  return filter.match_path(path, false).is_included;
}

}  // namespace

TEST_CASE("a pattern without a slash matches a name at any depth") {
  REQUIRE(is_excluded({"*.tmp"}, "a.tmp"));
  REQUIRE(is_excluded({"*.tmp"}, "home/ann/a.tmp"));
  REQUIRE(is_excluded({"*.tmp"}, "home/x.tmp/inside"));
  REQUIRE_FALSE(is_excluded({"*.tmp"}, "home/a.tmp.txt"));
  REQUIRE(is_excluded({"cache"}, "var/cache/apt"));
  REQUIRE_FALSE(is_excluded({"cache"}, "var/cached"));
}

TEST_CASE("a pattern that begins with a slash starts at the root") {
  REQUIRE(is_excluded({"/var/cache"}, "var/cache/apt"));
  REQUIRE_FALSE(is_excluded({"/var/cache"}, "mnt/var/cache"));
  REQUIRE(is_excluded({"/home/*/.cache"}, "home/ann/.cache"));
  REQUIRE_FALSE(is_excluded({"/home/*/.cache"}, "home/ann/deep/.cache"));
}

TEST_CASE("a pattern with a slash inside matches at any depth, component by component") {
  REQUIRE(is_excluded({"node_modules/.bin"}, "home/p/node_modules/.bin/x"));
  REQUIRE_FALSE(is_excluded({"node_modules/.bin"}, "home/node_modules/sub/.bin"));
  REQUIRE(is_excluded({"a/**/z"}, "x/a/z"));
  REQUIRE(is_excluded({"a/**/z"}, "a/b/c/z"));
  REQUIRE(is_excluded({"/a/**"}, "a/b"));
  REQUIRE_FALSE(is_excluded({"/a/**"}, "a", true));
}

TEST_CASE("a pattern with a slash at its end matches directories only") {
  REQUIRE(is_excluded({"build/"}, "p/build", true));
  REQUIRE(is_excluded({"build/"}, "p/build/file"));
  REQUIRE_FALSE(is_excluded({"build/"}, "p/build"));
}

TEST_CASE("the last pattern that matches decides, but nothing below an excluded directory") {
  REQUIRE_FALSE(is_excluded({"*.log", "!keep.log"}, "a/keep.log"));
  REQUIRE(is_excluded({"!keep.log", "*.log"}, "a/keep.log"));
  REQUIRE(is_excluded({"a/", "!keep.log"}, "a/keep.log"));
}

TEST_CASE("sets, single bytes and escapes in patterns") {
  REQUIRE(matches_glob("[a-c]x", "bx"));
  REQUIRE_FALSE(matches_glob("[!a-c]x", "bx"));
  REQUIRE(matches_glob("[]x]", "]"));
  REQUIRE(matches_glob("[", "["));
  REQUIRE(matches_glob("?", "\xff"));
  REQUIRE(matches_glob("\\*", "*"));
  REQUIRE_FALSE(matches_glob("\\*", "a"));
  REQUIRE(matches_glob("*a*b*", "xxaxxbxx"));
  REQUIRE_FALSE(matches_glob("*a*b*c", "xxaxxbxx"));
  REQUIRE(matches_glob("", ""));
  REQUIRE_FALSE(matches_glob("", "a"));
}

TEST_CASE("a pattern made to be slow is not") {
  std::string pattern;
  for (int i = 0; i < 2000; ++i) {
    pattern += "*a";
  }
  REQUIRE_FALSE(matches_glob(pattern + "b", std::string(255, 'a')));
}

TEST_CASE("patterns that mean nothing are refused") {
  PathFilter filter;
  for (const std::string pattern : {"", "/", "a//b", "../x", "a/./b", "!"}) {
    INFO(pattern);
    REQUIRE(error_code([&] { filter.exclude(pattern); }) == Code::invalid);
  }
}

TEST_CASE("a file of patterns has comments, empty lines and escapes") {
  PathFilter filter;
  filter.exclude_lines("# comment\n\n*.tmp  \n\\#literal\r\n");
  REQUIRE(filter.match_path("a.tmp", false).is_excluded);
  REQUIRE(filter.match_path("#literal", false).is_excluded);
  REQUIRE_FALSE(filter.match_path("# comment", false).is_excluded);
}

TEST_CASE("with include patterns only what matches, and what lies below, is meant") {
  REQUIRE(is_included({"*.odt"}, "home/a.odt"));
  REQUIRE_FALSE(is_included({"*.odt"}, "home/a.txt"));
  REQUIRE(is_included({"/home/ann"}, "home/ann/deep/file"));
  REQUIRE_FALSE(is_included({"/home/ann"}, "home/bob/file"));
}

TEST_CASE("a path that is judged name by name is judged as a whole path is") {
  PathFilter filter;
  filter.exclude("/home/*/cache/");
  filter.exclude("a/**/z");
  filter.exclude("!a/b/z");
  const PathFilter::Match home = filter.match(filter.root(), "home", true);
  const PathFilter::Match ann = filter.match(home.below, "ann", true);
  REQUIRE_FALSE(ann.is_excluded);
  REQUIRE(filter.match(ann.below, "cache", true).is_excluded);
  REQUIRE_FALSE(filter.match(ann.below, "cache", false).is_excluded);
  const PathFilter::Match a = filter.match(ann.below, "a", true);
  REQUIRE(filter.match(a.below, "z", false).is_excluded);
  const PathFilter::Match b = filter.match(a.below, "b", true);
  REQUIRE_FALSE(filter.match(b.below, "z", false).is_excluded);
  REQUIRE(filter.match_path("home/ann/a/z", false).is_excluded);
  REQUIRE_FALSE(filter.match_path("home/ann/a/b/z", false).is_excluded);
}

TEST_CASE("a directory that no pattern can match in keeps none of them") {
  PathFilter filter;
  filter.exclude("/home/ann/*.tmp");
  REQUIRE(filter.match(filter.root(), "etc", true).below.positions.empty());
  const PathFilter::Match home = filter.match(filter.root(), "home", true);
  REQUIRE(home.below.positions.size() == 1);
  REQUIRE(filter.match(home.below, "bob", true).below.positions.empty());
}

TEST_CASE("a directory on the way to an include pattern is not meant itself") {
  PathFilter filter;
  filter.include("/home/ann");
  REQUIRE(filter.has_includes());
  REQUIRE_FALSE(filter.match_path("", true).is_included);
  REQUIRE_FALSE(filter.match_path("home", true).is_included);
  REQUIRE_FALSE(filter.match_path("home", true).below.positions.empty());
  REQUIRE(filter.match_path("home/ann", true).is_included);
  REQUIRE(filter.match_path("home/ann", true).below.is_included);
}

TEST_CASE("an include pattern does not bring back what an exclude pattern names") {
  PathFilter filter;
  filter.include("/home");
  filter.exclude("*.tmp");
  const PathFilter::Match verdict = filter.match_path("home/a.tmp", false);
  REQUIRE(verdict.is_included);
  REQUIRE(verdict.is_excluded);
}

TEST_CASE("a filter without patterns means everything") {
  const PathFilter filter;
  REQUIRE(filter.empty());
  REQUIRE_FALSE(filter.has_includes());
  const PathFilter::Match verdict = filter.match_path("any/path", false);
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
