// What stored bytes are there for: each is counted once, under the strongest reason.
#include "engine/ops/browse/space.h"

#include "engine/ops/retention/holds.h"
#include "tests/engine/collected.h"

using namespace kist;
using namespace kist::test;

namespace {

// Three snapshots that need a file each, and what they share.
struct Spaced : Collected {
  Spaced() {
    for (int i = 0; i < 3; ++i) {
      write_news(400'000, "file");
      snapshots.push_back(take());
    }
    forget_all({first, snapshots[0], snapshots[1]});
  }

  SpaceUse space() {
    owner_repository.journal().replay();
    const std::optional<SpaceUse> out = count_space(owner_repository);
    REQUIRE(out);
    REQUIRE(out->live + out->held + out->retired + out->dead + out->unnamed == pack_bytes());
    return *out;
  }

  std::vector<SnapshotId> snapshots;
};

// Each pack, which is padded, is shared out by the mean of its blocks.
bool is_about(std::uint64_t bytes, std::uint64_t expected) {
  return bytes > expected / 4 * 3 && bytes < expected / 2 * 3;
}

}  // namespace

TEST_CASE("bytes count as live, held, retired or dead, and as one of them") {
  Spaced run;
  const SpaceUse before = run.space();
  REQUIRE(is_about(before.live, 500'000));
  REQUIRE(is_about(before.retired, 800'000));
  REQUIRE(before.held == 0);
  REQUIRE(before.dead < 1'000);
  static_cast<void>(place_hold(run.owner_repository,
                               {.matter = "a case", .parts = {.snapshots = {run.snapshots[0]}}}));
  const SpaceUse held = run.space();
  REQUIRE(held.live == before.live);
  REQUIRE(is_about(held.held, 400'000));
  REQUIRE(is_about(held.retired, 400'000));
}

TEST_CASE("what nothing needs is dead, and what no entry names is unnamed") {
  Spaced run;
  run.collect({.unused_percent = 100});
  const SpaceUse after = run.space();
  REQUIRE(after.retired == 0);
  REQUIRE(after.condemned == 0);
  const auto stray = run.content.draw_id<ObjectHash>();
  run.store->put(pack_path(stray), Bytes(12'345));
  REQUIRE(run.space().unnamed == 12'345);
}

TEST_CASE("where it is not known what a snapshot needs, nothing is said of the space") {
  Spaced run;
  const SnapshotState last = run.owner_repository.state().snapshots.at(run.snapshots[2]);
  const auto kept = take_away(*run.store, reference_set_path(last.set.hash));
  Machine fresh(run.store, 9);
  Repository there = fresh.open();
  REQUIRE_FALSE(count_space(there));
  REQUIRE(fresh.observer.notices.back().find("not known") != std::string::npos);
  put_back(*run.store, kept);
  REQUIRE(count_space(there));
}
