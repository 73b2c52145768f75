// What of a tree is walked: patterns, marks, sizes; nothing is taken that was left out, nothing
// left out that was asked for.
#include "engine/source/walk.h"

#include <filesystem>

#include "tests/support/test.h"
#include "tests/support/tree_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

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

TEST_CASE("a mark that is not the name of a file is refused before the walk begins") {
  for (const std::string mark : {"", ".", "a/b", "/"}) {
    INFO(mark);
    WalkOptions options;
    options.exclude_if_present = {mark};
    REQUIRE(error_code([&] { Walker({"/"}, options, [](const auto&, const auto&) {}); }) ==
            Code::invalid);
  }
}

TEST_CASE("a link is walked as a link, whatever it leads to") {
  Walked tree({"a/file"});
  std::filesystem::create_directory_symlink(tree.directory / "a", tree.directory / "link");
  REQUIRE(tree.walk({}) == Paths{"a", "a/file", "link"});
  REQUIRE(tree.walk({}, "link") == Paths{"link"});
  REQUIRE(tree.problems.empty());
}

TEST_CASE("a path that vanishes during a walk is told, and the rest is walked") {
  Walked tree({"a", "b/inside", "c"});
  Walker walker({tree.directory.path()}, {},
                [&](const std::string& path, const Error&) { tree.problems.push_back(path); });
  Paths out;
  while (const auto item = walker.next()) {
    out.push_back(item->name);
    if (item->name == "a") std::filesystem::remove_all(tree.directory / "b");
  }
  REQUIRE(out.back() == "c");
  REQUIRE(std::ranges::count(out, "b") == 0);
  REQUIRE(tree.problems == Paths{tree.directory.path().substr(1) + "/b"});
}

TEST_CASE("a path to back up is made absolute, through links to it but not through itself") {
  Walked tree({"a/b/file"});
  const std::string root = tree.directory.path();
  std::filesystem::create_directory_symlink(root + "/a", root + "/link");
  REQUIRE(resolve_source_path(root + "/link/b") == root + "/a/b");
  REQUIRE(resolve_source_path(root + "/link") == root + "/link");
  REQUIRE(resolve_source_path(root + "/link/") == root + "/a");
  REQUIRE(resolve_source_path(root + "/a/./b/../b") == root + "/a/b");
  REQUIRE(resolve_source_path("/") == "/");
  REQUIRE(error_code([&] { resolve_source_path(root + "/absent"); }) == Code::failed);
  REQUIRE(error_code([&] { resolve_source_path(""); }) == Code::invalid);
}
