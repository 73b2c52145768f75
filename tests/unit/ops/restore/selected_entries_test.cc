// Which of a snapshot's entries a restore takes, in both orders.
#include "engine/ops/restore/selected_entries.h"

#include <filesystem>

#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

using Paths = std::vector<std::string>;

// A snapshot of a/x.txt, a/y.bin, b/deep/z.txt, c/ and top.txt.
struct Selecting : World {
  Selecting() {
    std::filesystem::create_directories(tree("b/deep"));
    std::filesystem::create_directories(tree("a"));
    std::filesystem::create_directory(tree("c"));
    for (const std::string file : {"a/x.txt", "a/y.bin", "b/deep/z.txt", "top.txt"}) {
      write_file(tree(file), to_bytes(file));
    }
    backup();
  }

  // The selected paths, in manifest order, below the tree; "" is the tree itself.
  [[nodiscard]] Paths selected(const PathFilter& filter, const std::string& below = "") {
    const SnapshotTree snapshot_tree(repository, repository.state().snapshots.at(snapshot));
    const std::string top = tree().substr(1);
    const std::string path = tree(below).substr(1);
    const SelectedEntries entries(machine.observer, snapshot_tree, path, filter);
    Paths forward;
    entries.for_each(ManifestReader::Order::forward, [&](const Entry& entry) {
      forward.push_back(entry.path == top ? "" : entry.path.substr(top.size() + 1));
    });
    Paths backward;
    entries.for_each(ManifestReader::Order::backward, [&](const Entry& entry) {
      backward.push_back(entry.path == top ? "" : entry.path.substr(top.size() + 1));
    });
    std::ranges::reverse(backward);
    REQUIRE(forward == backward);
    return forward;
  }
};

}  // namespace

TEST_CASE("without a filter all that lies below the path is selected") {
  Selecting run;
  REQUIRE(run.selected({}) ==
          Paths{"", "a", "a/x.txt", "a/y.bin", "b", "b/deep", "b/deep/z.txt", "c", "top.txt"});
  REQUIRE(run.selected({}, "b") == Paths{"b", "b/deep", "b/deep/z.txt"});
}

TEST_CASE("an included file brings the directories that lead to it, and no others") {
  Selecting run;
  PathFilter filter;
  filter.include("*.txt");
  REQUIRE(run.selected(filter) ==
          Paths{"", "a", "a/x.txt", "b", "b/deep", "b/deep/z.txt", "top.txt"});
  filter.exclude("a");
  REQUIRE(run.selected(filter) == Paths{"", "b", "b/deep", "b/deep/z.txt", "top.txt"});
}

TEST_CASE("a path is selected where it lies below the restored one and no filter leaves it out") {
  Selecting run;
  const SnapshotTree snapshot_tree(run.repository,
                                   run.repository.state().snapshots.at(run.snapshot));
  PathFilter filter;
  filter.exclude("*.bin");
  const std::string below = run.tree("a").substr(1);
  const SelectedEntries entries(run.machine.observer, snapshot_tree, below, filter);
  REQUIRE(entries.has(below + "/x.txt"));
  REQUIRE_FALSE(entries.has(below + "/y.bin"));
  REQUIRE_FALSE(entries.has(run.tree("top.txt").substr(1)));
}
