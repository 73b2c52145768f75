// Snapshots against each other: diff and find.
#include "engine/ops/browse/compare.h"

#include <filesystem>

#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace fs = std::filesystem;

namespace {

struct Compared : World {
  Compared() {
    fs::create_directories(tree("a"));
    write_file(tree("a/same"), to_bytes("same"));
    write_file(tree("a/edited"), to_bytes("one"));
    write_file(tree("a/removed"), to_bytes("gone"));
    write_file(tree("mode"), to_bytes("mode"));
    take();
    write_file(tree("a/edited"), to_bytes("two, and longer"));
    fs::remove(tree("a/removed"));
    write_file(tree("new"), Bytes(1000, 1));
    fs::permissions(tree("mode"), fs::perms::owner_all);
    take();
    take();
  }

  void take() { snapshots.push_back(backup().snapshot); }

  [[nodiscard]] std::string in_tree(const std::string& path) const {
    return path.substr(tree().size());
  }

  std::vector<SnapshotId> snapshots;
};

}  // namespace

TEST_CASE("diff tells added, removed, changed content and changed metadata apart") {
  Compared run;
  std::map<std::string, std::string> seen;
  const std::string path = ":" + run.source.path() + "/tree";
  const DifferenceTotals totals = diff_snapshots(
      run.repository, select(run.repository, hex(run.snapshots[0]) + path),
      select(run.repository, hex(run.snapshots[1]) + path), [&](const Difference& difference) {
        const Entry& any = difference.after != nullptr ? *difference.after : *difference.before;
        seen[run.in_tree("/" + any.path)] = difference.before == nullptr  ? "added"
                                            : difference.after == nullptr ? "removed"
                                            : difference.in_content       ? "content"
                                                                          : "metadata";
      });
  REQUIRE(seen.at("/a/edited") == "content");
  REQUIRE(seen.at("/a/removed") == "removed");
  REQUIRE(seen.at("/new") == "added");
  REQUIRE(seen.at("/mode") == "metadata");
  REQUIRE_FALSE(seen.contains("/a/same"));
  REQUIRE(totals.added == 1);
  REQUIRE(totals.removed == 1);
  REQUIRE(totals.bytes_added == 1000 + 12);
  REQUIRE(totals.bytes_removed == 4);
}

TEST_CASE("two equal snapshots do not differ, and are not read to find out") {
  Compared run;
  std::size_t count = 0;
  diff_snapshots(run.repository, select(run.repository, hex(run.snapshots[1])),
                 select(run.repository, hex(run.snapshots[2])),
                 [&](const Difference&) { ++count; });
  REQUIRE(count == 0);
  REQUIRE(error_code([&] {
            diff_snapshots(run.repository, select(run.repository, "latest:/a"),
                           select(run.repository, "latest:/b"), [](const Difference&) {});
          }) == Code::invalid);
}

TEST_CASE("find shows every version of a path with the snapshots that have it") {
  Compared run;
  PathFilter patterns;
  patterns.include("edited");
  patterns.include("removed");
  const auto found = find_paths(run.repository, patterns);
  REQUIRE(found.size() == 2);
  REQUIRE(found[0].versions.size() == 2);
  REQUIRE(found[0].versions[0].snapshots == 1);
  REQUIRE(found[0].versions[1].snapshots == 2);
  REQUIRE(found[0].versions[1].last->taken.snapshot == run.snapshots[2]);
  REQUIRE(found[1].versions.size() == 1);
  REQUIRE(found[1].versions[0].last->taken.snapshot == run.snapshots[0]);
}
