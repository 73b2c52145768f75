// What is known of the blocks behind a plan: hurt snapshots, and the space that comes back.
#include "engine/ops/retention/freed_bytes.h"

#include <filesystem>

#include "engine/format/names.h"
#include "engine/ops/retention/expire.h"
#include "engine/ops/retention/policies.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

// Three snapshots: a large file; it and another; the other alone.
struct Freed : World {
  Freed() {
    SeededRandom random{seed()};
    write_file(tree("first"), random_bytes(random, 3'000'000));
    take();
    write_file(tree("second"), random_bytes(random, 2'000'000));
    take();
    std::filesystem::remove(tree("first"));
    take();
  }

  void take() {
    machine.clock.advance_ms(86'400'000);
    taken.push_back(backup().snapshot);
  }

  std::optional<std::uint64_t> freed_by(const std::vector<std::size_t>& places) {
    std::vector<RetiredSnapshot> retired;
    retired.reserve(places.size());
    for (const std::size_t place : places) {
      retired.push_back({taken[place], RetireCause::by_hand});
    }
    return estimate_freed_bytes(repository, retired);
  }

  std::vector<SnapshotId> taken;
};

}  // namespace

TEST_CASE("space comes back when the last snapshot that needs it goes, and about as much") {
  Freed run;
  REQUIRE(run.freed_by({}) == 0);
  const std::uint64_t first = run.freed_by({0}).value();
  REQUIRE(first < 300'000);  // the second needs the file too
  const std::uint64_t both = run.freed_by({0, 1}).value();
  REQUIRE(both > 2'900'000);
  REQUIRE(both < 3'600'000);
  REQUIRE(run.freed_by({0, 1, 2}).value() > 4'900'000);
}

TEST_CASE("where a snapshot that stays does not open, what comes back is not known") {
  Freed run;
  take_away(*run.store,
            reference_set_path(run.repository.state().snapshots.at(run.taken[2]).set.hash));
  REQUIRE_FALSE(run.freed_by({0, 1}));
  REQUIRE(run.freed_by({2}));
  REQUIRE(find_hurt(run.repository) == std::set<SnapshotId>{run.taken[2]});
}

TEST_CASE("a snapshot of which a pack is condemned is hurt, and stands beside the line") {
  Freed run;
  REQUIRE(find_hurt(run.repository).empty());
  ObjectHash pack;
  {
    const BlockIndex::Reader index(run.repository.blocks().index());
    pack = index.pack(0).hash;  // of the first file
  }
  commit(run.repository, [&](const State& /*state*/) { return Act(PacksCondemned{{pack}}); });
  REQUIRE(find_hurt(run.repository) == std::set<SnapshotId>{run.taken[0], run.taken[1]});
  // The newest whole one is the one that is not hurt.
  static_cast<void>(set_policy(
      run.repository, "default", [](Policy& policy) { policy.daily.count = 1; }, ""));
  run.machine.clock.advance_ms(3LL * 86'400'000);
  const ExpiryPlan plan = plan_expire(run.repository, {});
  REQUIRE(plan.series.front().lines.back().is_kept());
}
