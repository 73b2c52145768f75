// What of a tree is walked: patterns, marks, sizes; nothing is taken that was left out, nothing
// left out that was asked for.
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/source/walk.h"
#include "tests/support/test.h"
#include "tests/support/tree_fixture.h"

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

// A tree below a temporary directory, and the paths that a walk of it yields, relative to it.
struct Walked {
  explicit Walked(const std::vector<std::string>& files) {
    for (const std::string& file : files) {
      std::filesystem::create_directories(directory / std::string(parent_path(file)));
      write_file(directory / file, to_bytes(file));
    }
  }

  std::vector<std::string> walk(const WalkOptions& options, const std::string& below = "") {
    problems.clear();
    const std::string root = below.empty() ? directory.path() : directory / below;
    Walker walker({root}, options, [&](const std::string& path, const Error& error) {
      problems.push_back(path + ": " + error.text());
    });
    std::vector<std::string> out;
    const std::string prefix = directory.path().substr(1) + "/";
    while (const auto item = walker.next()) {
      if (item->path.starts_with(prefix)) out.push_back(item->path.substr(prefix.size()));
    }
    return out;
  }

  TemporaryDirectory directory;
  std::vector<std::string> problems;
};

using Paths = std::vector<std::string>;

}  // namespace

TEST_CASE("a directory read in parts gives every name once, in order") {
  const TemporaryDirectory directory;
  std::vector<std::string> expected;
  SeededRandom random(seed());
  for (unsigned i = 0; i < 500; ++i) {
    const Bytes draw = random_bytes(random, 8);
    expected.push_back(to_hex(draw.data(), 1 + i % 8) + (i % 7 == 0 ? "\xff" : "x"));
    write_file(directory / expected.back(), {});
  }
  std::ranges::sort(expected);
  expected.erase(std::unique(expected.begin(), expected.end()), expected.end());
  const Directory open = Directory::open(directory.path());
  for (const std::size_t bytes_max : {std::size_t{1}, std::size_t{300}, names_bytes_default}) {
    std::size_t parts = 0;
    NameReader reader([&](const std::string& after) {
      ++parts;
      return open.names(after, bytes_max);
    });
    std::vector<std::string> names;
    while (const std::optional<std::string> name = reader.next()) {
      names.push_back(*name);
    }
    REQUIRE(names == expected);
    REQUIRE((parts == 1) == (bytes_max == names_bytes_default));
  }
}

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

TEST_CASE("a walk leaves out what patterns say, and keeps what was asked for by name") {
  Walked tree({"a/keep", "a/x.tmp", "b.tmp/inside", "c"});
  WalkOptions options;
  options.filter.exclude("*.tmp");
  REQUIRE(tree.walk(options) == Paths{"a", "a/keep", "c"});
  REQUIRE(tree.walk(options, "b.tmp") == Paths{"b.tmp", "b.tmp/inside"});
  REQUIRE(tree.problems.empty());
}

TEST_CASE("with include patterns a walk yields only directories that lead to something") {
  Walked tree({"a/b/c.odt", "a/b/d.txt", "empty/e.txt", "z.odt"});
  WalkOptions options;
  options.filter.include("*.odt");
  REQUIRE(tree.walk(options) == Paths{"a", "a/b", "a/b/c.odt", "z.odt"});
}

TEST_CASE("directories marked as caches, or by a name, are taken for their mark only") {
  Walked tree({"cache/CACHEDIR.TAG", "cache/big", "fake/CACHEDIR.TAG", "fake/file", "no/.nobackup",
               "no/file"});
  write_file(tree.directory / "cache/CACHEDIR.TAG",
             to_bytes("Signature: 8a477f597d28d172789f06886806bc55\n"));
  WalkOptions options;
  options.excludes_caches = true;
  options.exclude_if_present = {".nobackup"};
  REQUIRE(tree.walk(options) == Paths{"cache", "cache/CACHEDIR.TAG", "fake", "fake/CACHEDIR.TAG",
                                      "fake/file", "no", "no/.nobackup"});
}

TEST_CASE("files larger than a size are left out") {
  Walked tree({"small", "large"});
  write_file(tree.directory / "large", Bytes(1001));
  write_file(tree.directory / "small", Bytes(1000));
  WalkOptions options;
  options.exclude_larger_than = 1000;
  REQUIRE(tree.walk(options) == Paths{"small"});
}

TEST_CASE("a walk of many given paths looks only at what leads to them") {
  Walked tree({"a/1", "a/2", "a/3/x", "b/1"});
  Walker walker({tree.directory / "b/1", tree.directory / "a/3", tree.directory / "a/1"}, {},
                [](const std::string&, const Error&) {});
  Paths out;
  while (const auto item = walker.next()) {
    out.push_back(item->path);
  }
  const std::string root = tree.directory.path().substr(1);
  REQUIRE(std::vector<std::string>(out.end() - 6, out.end()) ==
          Paths{root + "/a", root + "/a/1", root + "/a/3", root + "/a/3/x", root + "/b",
                root + "/b/1"});
}

TEST_CASE("a path that is given is walked even below one that is left out") {
  Walked tree({"a/cache/keep/x", "a/cache/junk", "a/y"});
  WalkOptions options;
  options.filter.exclude("cache");
  Walker walker({tree.directory / "a", tree.directory / "a/cache/keep"}, options,
                [](const std::string&, const Error&) {});
  Paths out;
  const std::string prefix = tree.directory.path().substr(1) + "/";
  while (const auto item = walker.next()) {
    if (item->path.starts_with(prefix)) out.push_back(item->path.substr(prefix.size()));
  }
  REQUIRE(out == Paths{"a", "a/cache", "a/cache/keep", "a/cache/keep/x", "a/y"});
}
