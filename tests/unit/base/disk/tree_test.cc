// Directories: names read in parts, and what is held whatever its name.
#include "engine/base/disk/tree.h"

#include <filesystem>

#include "tests/support/test.h"
#include "tests/support/tree_fixture.h"

using namespace kist;
using namespace kist::test;

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

TEST_CASE("what was held stays what it was, whatever its name leads to afterwards") {
  const TemporaryDirectory directory;
  write_file(directory / "file", to_bytes("first"));
  std::filesystem::create_symlink("there", directory / "link");
  const Directory open = Directory::open(directory.path());
  REQUIRE_FALSE(open.hold("absent"));
  const std::optional<Inode> file = open.hold("file");
  const std::optional<Inode> link = open.hold("link");
  std::filesystem::rename(directory / "file", directory / "away");
  std::filesystem::rename(directory / "link", directory / "file");
  write_file(directory / "link", to_bytes("another"));
  REQUIRE(file->status().type == EntryType::file);
  REQUIRE(file->open_file().size() == 5);
  REQUIRE(link->status().type == EntryType::symlink);
  REQUIRE(link->read_link() == "there");
  open.make_hard_link(*file, "again");
  REQUIRE(open.status("again").identity() == open.status("away").identity());
  Entry entry;
  entry.uid = own_user_number();
  entry.gid = file->status().gid;
  entry.mode = 0640;
  entry.mtime = {1'500'000'000, 5};
  REQUIRE(set_metadata(*file, entry).empty());
  entry.type = EntryType::symlink;
  REQUIRE(set_metadata(*link, entry).empty());
  REQUIRE(open.status("away").mode == 0640);
  REQUIRE(open.status("away").mtime == entry.mtime);
  REQUIRE(open.status("file").mtime == entry.mtime);  // the link itself, not what it leads to
  REQUIRE(open.status("link").mtime != entry.mtime);
}
