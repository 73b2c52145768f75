// A restored file against what its entry says, byte for byte.
#include "engine/ops/restore/file_comparison.h"

#include <filesystem>

#include "engine/crypto/hash.h"
#include "tests/support/test.h"
#include "tests/support/tree_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

// A file of two blocks with a hole between them.
struct FileOfBlocks {
  FileOfBlocks() {
    SeededRandom random(seed());
    first = random_bytes(random, 3'000'000);
    last = random_bytes(random, 5'000);
    content = first;
    content.resize(first.size() + hole);
    content.insert(content.end(), last.begin(), last.end());
    std::filesystem::create_directory(directory / "sub");
    write_file(file, content);
    entry.path = "sub/file";
    entry.size = content.size();
    items = {{ItemType::block, first.size(), hash_block(id_key, first)},
             {ItemType::hole, hole, {}},
             {ItemType::block, last.size(), hash_block(id_key, last)}};
  }

  [[nodiscard]] bool is_same() const {
    const Directory root = Directory::open(directory.path());
    try {
      compare_file(id_key, root, entry, items);
      return true;
    } catch (const Error& error) {
      REQUIRE(error.code() == Code::failed);
      return false;
    }
  }

  void flip(std::size_t offset) {
    content.at(offset) ^= 1;
    write_file(file, content);
  }

  static constexpr std::size_t hole = 2'500'000;
  TemporaryDirectory directory;
  std::string file = directory / "sub/file";
  Key id_key = Key::from(Bytes(Key::size, 3));
  Bytes first;
  Bytes last;
  Bytes content;
  Entry entry;
  std::vector<ContentItem> items;
};

}  // namespace

TEST_CASE("a file that is what its entry says compares as such") {
  FileOfBlocks run;
  REQUIRE(run.is_same());
  // With a hole where the snapshot has one, too.
  std::filesystem::resize_file(run.file, 0);
  std::filesystem::resize_file(run.file, run.content.size());
  const Directory root = Directory::open(run.directory.path());
  const File out = root.open_beneath("sub").open_file_for_writing("file");
  out.write_at(0, run.first);
  out.write_at(run.first.size() + FileOfBlocks::hole, run.last);
  REQUIRE(run.is_same());
}

TEST_CASE("a byte that differs is found, in a block, in a hole and at either end") {
  FileOfBlocks run;
  const std::size_t after_first = run.first.size();
  for (const std::size_t offset :
       {std::size_t{0}, after_first - 1, after_first, after_first + FileOfBlocks::hole - 1,
        after_first + FileOfBlocks::hole, run.content.size() - 1}) {
    INFO(offset);
    run.flip(offset);
    REQUIRE_FALSE(run.is_same());
    run.flip(offset);
  }
  REQUIRE(run.is_same());
}

TEST_CASE("a file that is shorter, longer, or something else is not what its entry says") {
  FileOfBlocks run;
  std::filesystem::resize_file(run.file, run.content.size() + 1);
  REQUIRE_FALSE(run.is_same());
  std::filesystem::resize_file(run.file, run.content.size());
  REQUIRE(run.is_same());
  std::filesystem::resize_file(run.file, run.content.size() - 1);
  REQUIRE_FALSE(run.is_same());
  std::filesystem::rename(run.file, run.directory / "elsewhere");
  REQUIRE_FALSE(run.is_same());
  write_file(run.directory / "elsewhere", run.content);
  std::filesystem::create_symlink(run.directory / "elsewhere", run.file);
  REQUIRE_FALSE(run.is_same());
}

TEST_CASE("a small file is compared with the content that stands in its entry") {
  FileOfBlocks run;
  run.items.clear();
  run.entry.size = 5;
  run.entry.inline_content = to_bytes("hello");
  write_file(run.file, to_bytes("hello"));
  REQUIRE(run.is_same());
  write_file(run.file, to_bytes("hallo"));
  REQUIRE_FALSE(run.is_same());
}
