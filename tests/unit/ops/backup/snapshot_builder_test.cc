// Entries into a manifest: what stands in it, and what is left out with everything that names it.
#include "engine/ops/backup/snapshot_builder.h"

#include "engine/crypto/hash.h"
#include "engine/format/limits.h"
#include "engine/repository/snapshot_tree.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

ReadEntry read_entry(const std::string& path, EntryType type) {
  ReadEntry out;
  out.entry.path = path;
  out.entry.type = type;
  out.entry.mode = 0755;
  out.entry.inode = 1;
  return out;
}

ReadEntry read_inline(const std::string& path, const std::string& content) {
  ReadEntry out = read_entry(path, EntryType::file);
  out.entry.size = content.size();
  out.entry.inline_content = to_bytes(content);
  return out;
}

ReadEntry read_link(const std::string& path, const std::string& first) {
  ReadEntry out;
  out.entry.path = path;
  out.entry.type = EntryType::hard_link;
  out.entry.link_target = first;
  out.change = Change::unmodified;
  return out;
}

// A builder over a repository, and the snapshot that becomes of what it was given.
struct Building : World {
  Building() { add(read_entry("", EntryType::directory)); }

  void add(ReadEntry read, View buffer = {}) { builder.add(read, buffer); }

  // A file of one block, in parts if its last part comes later.
  [[nodiscard]] ReadEntry read_block(const std::string& path,
                                     const Bytes& content,
                                     bool is_last = true) const {
    ReadEntry out = read_entry(path, EntryType::file);
    out.is_last = is_last;
    out.pieces = {{.type = ItemType::block,
                   .size = content.size(),
                   .offset = 0,
                   .id = hash_block(keys.id_key(), content)}};
    return out;
  }

  // Commits what was added, and reads it back.
  SnapshotTree commit_and_open() {
    SnapshotBody body;
    body.root = builder.finish();
    const StoredSnapshot stored = writer.finish_snapshot({.body = body});
    const auto id = machine.random.draw_id<SnapshotId>();
    commit(repository, [&](const State& state) {
      SnapshotTaken taken = snapshot_entry(stored, state, "built", {});
      taken.snapshot = id;
      return Act(std::move(taken));
    });
    return {repository, repository.state().snapshots.at(id)};
  }

  [[nodiscard]] static std::vector<std::string> paths(const SnapshotTree& tree) {
    std::vector<std::string> out;
    tree.list("", SnapshotTree::Depth::all, [&](const Entry& entry) { out.push_back(entry.path); });
    return out;
  }

  WriteKeys keys = repository.write_keys();
  Pool pool{1};
  ProblemLog problems{machine.observer};
  BlockWriter writer{repository.blocks(), keys, pool, {3}};
  FileCacheWriter cache{repository.local(), std::string(32, 'a'), machine.random, machine.observer};
  SnapshotBuilder builder{keys, writer, cache, problems};
};

}  // namespace

TEST_CASE("what the builder is given is in the manifest, with its content") {
  Building run;
  const Bytes large(5000, 7);
  run.add(read_inline("a", "small"));
  run.add(run.read_block("b", large), large);
  run.add(read_link("c", "b"));
  const SnapshotTree tree = run.commit_and_open();
  REQUIRE(Building::paths(tree) == std::vector<std::string>{"", "a", "b", "c"});
  Bytes read;
  tree.read(tree.at("c"), [&](View bytes) { read.insert(read.end(), bytes.begin(), bytes.end()); });
  REQUIRE(read == large);
  const SnapshotStatistics& counted = run.builder.statistics();
  REQUIRE(counted.files_new == 2);
  REQUIRE(counted.directories == 1);
  REQUIRE(counted.others == 1);
  REQUIRE(counted.bytes_total == 5005);
  REQUIRE(counted.bytes_read == 5005);
  REQUIRE(run.builder.last_path() == "c");
}

TEST_CASE("a file in parts is one entry whose size is that of its pieces") {
  Building run;
  const Bytes part(5000, 7);
  run.add(run.read_block("large", part, false), part);
  ReadEntry hole = read_entry("large", EntryType::file);
  hole.is_last = false;
  hole.pieces = {{.type = ItemType::hole, .size = 100'000, .offset = 0, .id = {}}};
  run.add(hole);
  run.add(run.read_block("large", part), part);
  const SnapshotTree tree = run.commit_and_open();
  const Entry entry = tree.at("large");
  REQUIRE(entry.size == 110'000);
  REQUIRE(entry.content.size() == 3);
  REQUIRE(entry.content[1].type == ItemType::hole);
  REQUIRE(entry.content[0] == entry.content[2]);
}

TEST_CASE("a file of which nothing was read stands as an empty one") {
  Building run;
  run.add(read_entry("shrunk", EntryType::file));
  const SnapshotTree tree = run.commit_and_open();
  REQUIRE(tree.at("shrunk").inline_content == Bytes());
}

TEST_CASE("an entry that could not be read is in no manifest, nor is another name of it") {
  Building run;
  const Bytes part(5000, 7);
  ReadEntry failed = run.read_block("a", part);
  failed.has_failed = true;
  run.add(failed, part);
  run.add(read_link("b", "a"));
  run.add(read_inline("c", "whole"));
  const SnapshotTree tree = run.commit_and_open();
  REQUIRE(Building::paths(tree) == std::vector<std::string>{"", "c"});
  REQUIRE(run.builder.statistics().files() == 1);
  // That it failed, its reader has told; of the other name the builder tells.
  REQUIRE(run.problems.count() == 1);
  REQUIRE(run.problems.kept().front().path == "b");
}

TEST_CASE("an entry that no reader could decode is left out and told") {
  Building run;
  run.add(read_inline(std::string(name_bytes_max + 1, 'x'), "its name is too long"));
  ReadEntry odd = read_inline("y", "the name of its owner is too long");
  odd.entry.user = std::string(name_bytes_max + 1, 'x');
  run.add(odd);
  run.add(read_inline("z", "whole"));
  const SnapshotTree tree = run.commit_and_open();
  REQUIRE(Building::paths(tree) == std::vector<std::string>{"", "z"});
  REQUIRE(run.problems.count() == 2);
}

TEST_CASE("attributes that are too large for an entry stand in a block of their own") {
  Building run;
  ReadEntry read = read_inline("a", "x");
  read.entry.xattrs = {{"user.large", Bytes(inline_xattr_bytes_max + 1, 3)}};
  const std::vector<Xattr> xattrs = read.entry.xattrs;
  run.add(read);
  const SnapshotTree tree = run.commit_and_open();
  const Entry entry = tree.at("a");
  REQUIRE(entry.xattrs.empty());
  REQUIRE(entry.xattrs_block);
  REQUIRE(tree.manifest().xattrs(entry) == xattrs);
}
