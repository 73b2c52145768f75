// A snapshot's tree as ls, cat and restore see it.
#include "engine/repository/snapshot_tree.h"

#include "tests/support/roles.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

// A snapshot of a full tree.
struct OpenTree : TreeWorld {
  OpenTree() { backup(); }

  [[nodiscard]] SnapshotTree open() const {
    return {repository, repository.state().snapshots.at(snapshot)};
  }

  // A path of the tree, as in Entry.
  [[nodiscard]] std::string path(const std::string& below) const { return tree(below).substr(1); }
};

Bytes content_of(const SnapshotTree& tree, const Entry& file) {
  Bytes out;
  tree.read(file, [&](View bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); });
  return out;
}

std::vector<std::string> listed(const SnapshotTree& tree,
                                const std::string& path,
                                SnapshotTree::Depth depth) {
  std::vector<std::string> out;
  tree.list(path, depth, [&](const Entry& entry) { out.push_back(entry.path); });
  return out;
}

}  // namespace

TEST_CASE("a file's bytes come back in order, whether inline, in blocks, or with holes") {
  const OpenTree world;
  const SnapshotTree tree = world.open();
  for (const std::string name : {"documents/file-63", "documents/file-100000", "documents/file-0",
                                 "documents/file-3000000", "sparse"}) {
    INFO(name);
    const Entry file = tree.at(world.path(name));
    REQUIRE((content_of(tree, file) == slurp(world.tree(name))));
  }
}

TEST_CASE("a further name of a file is answered with the file's own entry") {
  const OpenTree world;
  const SnapshotTree tree = world.open();
  const Entry first = tree.at(world.path(".hidden/third name"));
  REQUIRE(first.type == EntryType::file);
  for (const std::string name : {"second name", "documents/file-100000"}) {
    REQUIRE(tree.at(world.path(name)) == first);
  }
}

TEST_CASE("a listing has the entry, then what it holds: directly, or at any depth") {
  const OpenTree world;
  const SnapshotTree tree = world.open();
  const std::string path = world.path("documents");
  const auto near = listed(tree, path, SnapshotTree::Depth::one);
  REQUIRE(near.size() == 1 + 17 + 1);
  REQUIRE(near.front() == path);
  REQUIRE(std::ranges::count(near, path + "/letters") == 1);
  REQUIRE(listed(tree, path, SnapshotTree::Depth::all).size() == near.size() + 300);
}

TEST_CASE("a path that the snapshot lacks is told, not answered with nothing") {
  const OpenTree world;
  const SnapshotTree tree = world.open();
  const std::string absent = world.path("documents/absent");
  REQUIRE(error_code([&] { static_cast<void>(tree.at(absent)); }) == Code::failed);
  REQUIRE(error_code([&] { listed(tree, absent, SnapshotTree::Depth::all); }) == Code::failed);
}

TEST_CASE("a neighbour that is the same is read through the frames that are open already") {
  OpenTree world;
  const SnapshotTree tree = world.open();
  const auto seen = listed(tree, "", SnapshotTree::Depth::all);
  world.backup();
  const SnapshotTree next = tree.beside(world.repository.state().snapshots.at(world.snapshot));
  REQUIRE(next.root() == tree.root());
  const std::uint64_t reads = world.store->get_count("packs/");
  REQUIRE(listed(next, "", SnapshotTree::Depth::all) == seen);
  REQUIRE(world.store->get_count("packs/") == reads);
}

TEST_CASE("a slot that may not read opens no tree") {
  Roles roles(writer_capabilities);
  const Repository repository = roles.open();
  const SnapshotState snapshot = repository.state().snapshots.at(roles.first);
  REQUIRE(error_code([&] { SnapshotTree(repository, snapshot); }) == Code::refused);
}
