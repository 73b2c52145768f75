// The names that a target has and a snapshot lacks.
#include "engine/ops/restore/extraneous.h"

#include <filesystem>

#include "tests/support/test.h"
#include "tests/support/tree_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

// A target, and what of it is too much beside a snapshot's entries.
struct Target {
  explicit Target(const std::vector<std::string>& files) {
    for (const std::string& file : files) {
      std::filesystem::create_directories(directory / std::string(parent_path(file)));
      write_file(directory / file, to_bytes("x"));
    }
  }

  // Entries in manifest order; a path that ends in '/' is a directory, one that ends in "/~" is a
  // directory of which the snapshot has not all.
  [[nodiscard]] std::vector<std::string> extraneous(const std::vector<std::string>& entries) const {
    std::vector<std::string> out;
    const Directory root = Directory::open(directory.path());
    Extraneous walk(root, names_bytes_default,
                    [&](const std::string& path, const InodeId& /*in*/) { out.push_back(path); });
    for (std::string path : entries) {
      const bool is_whole = !path.ends_with('~');
      if (!is_whole) path.pop_back();
      Entry entry;
      entry.type = path.ends_with('/') ? EntryType::directory : EntryType::file;
      entry.path = path.substr(0, path.find_last_not_of('/') + 1);
      walk.add(entry, is_whole);
    }
    walk.finish();
    return out;
  }

  TemporaryDirectory directory;
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("--delete keeps what the snapshot has below a directory that it lacks") {
  const TemporaryDirectory target;
  std::filesystem::create_directories(target / "d/sub");
  write_file(target / "d/x", to_bytes("x"));
  write_file(target / "e", to_bytes("x"));
  const Directory root = Directory::open(target.path());
  std::vector<std::string> found;
  Extraneous extraneous(
      root, names_bytes_default,
      [&](const std::string& path, const InodeId& /*in*/) { found.push_back(path); });
  const auto see = [&](const std::string& path, EntryType type) {
    Entry entry;
    entry.path = path;
    entry.type = type;
    extraneous.add(entry, true);
  };
  see("", EntryType::directory);
  see("d/x", EntryType::file);  // the entry of d itself could not be stored
  see("e", EntryType::file);
  extraneous.finish();
  REQUIRE(found.empty());
}

TEST_CASE("what only the target has is told in order, a whole directory as one name") {
  Target target({"a", "b/1", "b/2", "b/extra", "c.txt", "c/deep/file", "z"});
  REQUIRE(target.extraneous({"/", "b/", "b/1", "b/2"}) == Names{"a", "b/extra", "c", "c.txt", "z"});
  REQUIRE(target
              .extraneous({"/", "a", "b/", "b/1", "b/2", "b/extra", "c/", "c/deep/", "c/deep/file",
                           "c.txt", "z"})
              .empty());
  REQUIRE(target.extraneous({"/"}) == Names{"a", "b", "c", "c.txt", "z"});
}

TEST_CASE("a directory of which the snapshot has not all holds nothing that is too much") {
  Target target({"home/ann/kept", "home/ann/mine", "home/bob/file", "top"});
  REQUIRE(target.extraneous({"/~", "home/~", "home/ann/", "home/ann/kept"}) ==
          Names{"home/ann/mine"});
}

TEST_CASE("a directory of the snapshot that is none in the target, or a link, is not looked into") {
  Target target({"elsewhere/precious", "file"});
  std::filesystem::create_directory_symlink(target.directory / "elsewhere",
                                            target.directory / "link");
  REQUIRE(target.extraneous({"/", "absent/", "elsewhere/~", "file/", "link/"}).empty());
}
