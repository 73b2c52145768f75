// A repository made by somebody who holds its keys and means harm: nothing is written outside the
// target, nothing is allocated because an object says so, and each refusal is one clear error.
#include <filesystem>

#include <sys/resource.h>

#include "engine/blocks/block_writer.h"
#include "engine/content/compress.h"
#include "engine/crypto/hash.h"
#include "engine/format/limits.h"
#include "engine/format/manifest.h"
#include "engine/journal/journal.h"
#include "tests/support/repository_fixture.h"
#include "tests/support/samples.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace fs = std::filesystem;

namespace {

Entry entry_of(const std::string& path, EntryType type) {
  Entry out;
  out.path = path;
  out.type = type;
  out.mode = 0755;
  out.inode = 1;
  if (type == EntryType::file) out.inline_content.emplace();
  return out;
}

Entry file_of(const std::string& path, const std::string& content) {
  Entry out = entry_of(path, EntryType::file);
  out.size = content.size();
  out.inline_content = to_bytes(content);
  return out;
}

Entry link_of(const std::string& path, const std::string& target) {
  Entry out = entry_of(path, EntryType::symlink);
  out.link_target = target;
  return out;
}

Entry hard_link_of(const std::string& path, const std::string& target) {
  Entry out;
  out.path = path;
  out.type = EntryType::hard_link;
  out.link_target = target;
  return out;
}

struct Hostile {
  Hostile() { fs::create_directories(outside.path() + "/precious"); }

  // A snapshot whose manifest is these meta blocks; the last one is the root.
  SnapshotId commit_blocks(const std::vector<Bytes>& blocks) {
    Pool pool(1);
    BlockWriter writer(repository.blocks(), repository.write_keys(), pool, {3});
    SnapshotBody body;
    for (const Bytes& block : blocks) {
      writer.refer(writer.add_meta(block, body.root));
    }
    body.paths = {"/"};
    const StoredSnapshot stored = writer.finish_snapshot({.body = body});
    const auto id = machine.random.draw_id<SnapshotId>();
    commit(repository, [&](const State& state) {
      SnapshotTaken taken = snapshot_entry(stored, state, "evil", {});
      taken.snapshot = id;
      return Act(std::move(taken));
    });
    return id;
  }

  SnapshotId commit_entries(std::vector<Entry> entries) {
    entries.insert(entries.begin(), entry_of("", EntryType::directory));
    return commit_blocks({encode_leaf(entries)});
  }

  BlockId id_of(const Bytes& block) const {
    return hash_block(repository.read_keys().id_key(), block);
  }

  RestoreResult restore(const SnapshotId& snapshot) {
    RestoreOptions options;
    options.snapshot = snapshot;
    options.target = target();
    options.threads = 2;
    return kist::restore(repository, options);
  }

  [[nodiscard]] std::string target() const { return directory / "out"; }

  // Whether anything but the target has changed.
  [[nodiscard]] bool is_outside_untouched() const {
    return std::distance(fs::recursive_directory_iterator(outside.path()), {}) == 1;
  }

  TemporaryDirectory directory;
  TemporaryDirectory outside;
  Machine machine{std::make_shared<MemoryStore>()};
  Repository repository = machine.init();
};

}  // namespace

TEST_CASE("names that lead out of the target are refused when they are read") {
  for (const std::string path :
       {"..", "../x", "a/../../x", ".", "a/./b", "/etc/passwd", "a//b", "a/"}) {
    INFO(path);
    Hostile hostile;
    const SnapshotId snapshot = hostile.commit_entries({file_of(path, "evil")});
    REQUIRE(error_code([&] { hostile.restore(snapshot); }) == Code::corrupt);
    REQUIRE(hostile.is_outside_untouched());
    REQUIRE_FALSE(fs::exists(hostile.directory / "x"));
  }
}

TEST_CASE("links planted before what would go through them lead nowhere") {
  Hostile hostile;
  const std::string elsewhere = hostile.outside.path();
  Entry victim = link_of("a", elsewhere);
  const SnapshotId snapshot =
      hostile.commit_entries({victim, file_of("a/evil", "evil"), hard_link_of("a/hard", "a/evil"),
                              entry_of("a/pipe", EntryType::fifo), link_of("a/soft", "x"),
                              hard_link_of("b", "a/precious"), entry_of("c", EntryType::directory),
                              link_of("c/d", "../../.."), file_of("c/d/evil", "evil")});
  const RestoreResult result = hostile.restore(snapshot);
  REQUIRE(result.problems == 6);
  REQUIRE(hostile.is_outside_untouched());
  REQUIRE(fs::is_symlink(hostile.target() + "/a"));
  REQUIRE_FALSE(fs::exists(hostile.directory / "evil"));
}

TEST_CASE("what is restored over links that stand in the target does not follow them") {
  Hostile hostile;
  write_file(hostile.outside.path() + "/precious/file", to_bytes("precious"));
  const SnapshotId snapshot =
      hostile.commit_entries({entry_of("dir", EntryType::directory), file_of("dir/file", "evil"),
                              file_of("file", "evil")});
  fs::create_directories(hostile.target());
  fs::create_symlink(hostile.outside.path() + "/precious", hostile.target() + "/dir");
  fs::create_symlink(hostile.outside.path() + "/precious/file", hostile.target() + "/file");
  REQUIRE(hostile.restore(snapshot).problems == 0);
  REQUIRE(slurp(hostile.outside.path() + "/precious/file") == to_bytes("precious"));
  REQUIRE(slurp(hostile.target() + "/dir/file") == to_bytes("evil"));
}

TEST_CASE("a directory replaced by a link during the restore leads nowhere") {
  // Whenever progress is told, the directory that is being filled becomes a link.
  class Swapping final : public Observer {
   public:
    Swapping(std::string directory, std::string elsewhere)
        : directory_(std::move(directory)), elsewhere_(std::move(elsewhere)) {}

    void progress(const Progress&) override {
      std::error_code ignored;
      fs::rename(directory_, directory_ + ".moved", ignored);
      fs::create_directory_symlink(elsewhere_, directory_, ignored);
    }

   private:
    std::string directory_;
    std::string elsewhere_;
  };

  Hostile hostile;
  const TemporaryDirectory source;
  fs::create_directories(source / "tree/d");
  SeededRandom random(seed());
  for (int i = 0; i < 200; ++i) {
    write_file(source / ("tree/d/" + std::to_string(i)), random_bytes(random, 20'000));
  }
  const SnapshotId snapshot = hostile.machine.backup(hostile.repository, source / "tree").snapshot;
  Swapping observer(hostile.target() + "/d", hostile.outside.path());
  Repository repository = hostile.machine.open_with(observer);
  RestoreOptions options;
  options.snapshot = snapshot;
  options.path = (source / "tree").substr(1);
  options.target = hostile.target();
  options.threads = 2;
  REQUIRE(kist::restore(repository, options).problems > 0);
  REQUIRE(hostile.is_outside_untouched());
}

TEST_CASE("a manifest that repeats, nests or turns in circles is refused") {
  Hostile hostile;
  const Bytes leaf = encode_leaf({entry_of("", EntryType::directory), file_of("a", "x")});
  const BlockId id = hostile.id_of(leaf);
  SECTION("one leaf under many names") {
    std::vector<NodeChild> children = {{"", id}};
    for (int i = 0; i < 500; ++i) {
      children.push_back({"b" + std::to_string(1000 + i), id});
    }
    const SnapshotId snapshot = hostile.commit_blocks({leaf, encode_node(1, children)});
    REQUIRE(error_code([&] { hostile.restore(snapshot); }) == Code::corrupt);
  }
  SECTION("a node that names a level it has not") {
    const Bytes node = encode_node(1, {{"", id}});
    const Bytes above = encode_node(1, {{"", hostile.id_of(node)}});
    const SnapshotId snapshot = hostile.commit_blocks({leaf, node, above});
    REQUIRE(error_code([&] { hostile.restore(snapshot); }) == Code::corrupt);
  }
  SECTION("a node that names a block nobody has, such as itself") {
    const SnapshotId snapshot =
        hostile.commit_blocks({encode_node(2, {{"", sample_id<BlockId>(1)}})});
    REQUIRE(error_code([&] { hostile.restore(snapshot); }) == Code::missing);
  }
  SECTION("a leaf that goes on beyond where the next begins") {
    const Bytes next = encode_leaf({file_of("a", "y")});
    const SnapshotId snapshot =
        hostile.commit_blocks({leaf, next, encode_node(1, {{"", id}, {"a", hostile.id_of(next)}})});
    REQUIRE(error_code([&] { hostile.restore(snapshot); }) == Code::corrupt);
  }
  SECTION("a tree that differs from another one in depth without end") {
    const SnapshotId plain = hostile.commit_blocks({leaf});
    std::vector<Bytes> blocks = {leaf};
    BlockId below = id;
    for (int depth = 0; depth < 3; ++depth) {
      blocks.push_back(encode_node(1, {{"", below}}));
      below = hostile.id_of(blocks.back());
    }
    const SnapshotId deep = hostile.commit_blocks(blocks);
    Repository& repository = hostile.repository;
    REQUIRE(error_code([&] {
              diff_snapshots(repository, select(repository, hex(plain)),
                             select(repository, hex(deep)), [](const Difference& /*each*/) {});
            }) == Code::corrupt);
  }
  SECTION("a leaf that ends in the middle, or claims a million entries") {
    Bytes cut = leaf;
    cut.resize(cut.size() - 1);
    ByteWriter claim;
    claim.u8(0);
    claim.varint(1'000'000);
    for (const Bytes& block : {cut, claim.take(), Bytes{0xff}}) {
      const SnapshotId snapshot = hostile.commit_blocks({block});
      REQUIRE(error_code([&] { hostile.restore(snapshot); }) == Code::corrupt);
    }
  }
}

TEST_CASE("a file that claims more than there is room for is refused before it is begun") {
  Hostile hostile;
  // Content nodes that name each other's content over and over: 2^60 bytes out of a few blocks.
  std::vector<Bytes> blocks;
  const Bytes data(16U << 10U, 7);
  blocks.push_back(data);
  ContentItem item{ItemType::block, data.size(), hostile.id_of(data)};
  for (int level = 0; level < 5; ++level) {
    const std::vector<ContentItem> items(512, item);
    blocks.push_back(encode_content_node(items));
    item = {ItemType::node, item.size * 512, hostile.id_of(blocks.back())};
  }
  Entry bomb = entry_of("bomb", EntryType::file);
  bomb.inline_content.reset();
  bomb.size = item.size;
  bomb.content = {item};
  blocks.push_back(encode_leaf({entry_of("", EntryType::directory), bomb}));
  const SnapshotId snapshot = hostile.commit_blocks(blocks);
  REQUIRE(error_code([&] { hostile.restore(snapshot); }) == Code::failed);
  REQUIRE_FALSE(fs::exists(hostile.target() + "/bomb"));
  // Nor does it keep a verify busy: each node is looked into once.
  const VerifyReport report = verify(hostile.repository, {.level = VerifyLevel::content});
  REQUIRE(report.findings.empty());
}

TEST_CASE(
    "what an index claims of a frame, or a frame of its content, is bounded before it is had") {
  // 65,536 blocks of 16 MiB: a frame of a terabyte.
  IndexSegment segment;
  IndexedPack pack;
  pack.size = pack_bytes_min;
  IndexedFrame frame;
  frame.place = {32, 100, 100};
  frame.blocks.resize(2, {BlockTag{}, block_bytes_max});
  pack.frames = {frame};
  segment.packs = {pack};
  REQUIRE(error_code([&] {
            static_cast<void>(decode_index_segment(encode_index_segment(segment), "a segment"));
          }) == Code::corrupt);
  // Packs and frames of nothing, by which a segment of few blocks would take much memory.
  segment.packs.front().frames.front().blocks = {{BlockTag{}, 1}};
  REQUIRE_NOTHROW(decode_index_segment(encode_index_segment(segment), "a segment"));
  segment.packs.front().frames.push_back({.place = {132, 0, 0}, .blocks = {}});
  REQUIRE(error_code([&] {
            static_cast<void>(decode_index_segment(encode_index_segment(segment), "a segment"));
          }) == Code::corrupt);
  segment.packs.front().frames.clear();
  REQUIRE(error_code([&] {
            static_cast<void>(decode_index_segment(encode_index_segment(segment), "a segment"));
          }) == Code::corrupt);
  // A zstd frame of 256 MiB of zeros where the list says 1 MiB.
  Bytes zeros(256U << 20U);
  Bytes stored;
  Compressor compressor;
  REQUIRE(compressor.compress(zeros, {3}, stored));
  Decompressor decompressor;
  Bytes out(1U << 20U);
  REQUIRE_FALSE(decompressor.decompress(stored, out));
}
