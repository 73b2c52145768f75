// Which snapshots a backup relies on, and what of them it does not.
#include "engine/ops/backup/relied_packs.h"

#include "engine/format/names.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

// Two snapshots of a source, the second with a file more.
struct Relied : World {
  Relied() {
    SeededRandom random{seed()};
    write_file(tree("first"), random_bytes(random, 200'000));
    backup();
    write_file(tree("second"), random_bytes(random, 200'000));
    backup();
  }

  UnreliedNumbers look(const std::vector<SnapshotState>& snapshots, std::uint64_t rely_from = 0) {
    Pool pool(2);
    BlockWriter writer(repository.blocks(), repository.write_keys(), pool, {3});
    ReliedOn relied{.source_key = "key", .rely_from = rely_from, .is_dry_run = false};
    if (!snapshots.empty()) relied.newest = snapshots.front();
    return look_at_relied_packs(repository, writer, pool, relied);
  }
};

}  // namespace

TEST_CASE("a set stands for all blocks of a snapshot, those of its own entry too") {
  Relied run;
  const auto newest =
      find_newest_snapshot(run.repository.state(), "test", run.repository.keyring().slot());
  REQUIRE(newest);
  REQUIRE(newest->taken.snapshot == run.snapshot);
  REQUIRE_FALSE(find_newest_snapshot(run.repository.state(), "test", SlotId()));
  REQUIRE_FALSE(
      find_newest_snapshot(run.repository.state(), "another", run.repository.keyring().slot()));
  const NumberSet numbers = numbers_of_snapshot(run.repository.journal(), *newest);
  REQUIRE(numbers.greatest() >= newest->taken.numbers.first_of(PackKind::meta));
  REQUIRE(numbers.contains(0));
}

TEST_CASE("what lies in packs that are gone is not relied on, and the rest is") {
  Relied run;
  const auto newest =
      find_newest_snapshot(run.repository.state(), "test", run.repository.keyring().slot());
  run.machine.clock.advance_ms(look_lasts_ms);
  REQUIRE(run.look({*newest}).ranges.empty());
  run.machine.clock.advance_ms(look_lasts_ms);
  std::string gone;
  NumberRange range;
  {
    const BlockIndex::Reader index(run.repository.blocks().index());
    gone = pack_path(index.pack(0).hash);
    range.first = index.frame(0, 0).first_number;
  }
  run.store->remove(gone);
  const UnreliedNumbers unrelied = run.look({*newest}, 1);
  REQUIRE(unrelied.below == 1);
  REQUIRE(unrelied.ranges.size() == 1);
  REQUIRE(unrelied.ranges.front().first == range.first);
  REQUIRE(unrelied.ranges.front().end < run.repository.state().next_number);
  // Within the round the pack is known, not asked for.
  REQUIRE(run.look({*newest}).ranges.size() == 1);
}

TEST_CASE("where a set cannot be read all packs are looked at") {
  Relied run;
  const auto newest =
      find_newest_snapshot(run.repository.state(), "test", run.repository.keyring().slot());
  flip_twins(*run.store, reference_set_path(newest->taken.reference_set));
  run.machine.clock.advance_ms(look_lasts_ms);
  for (const std::string& pack : names_of(*run.store, "packs/")) {
    run.store->remove(pack);
  }
  const UnreliedNumbers unrelied = run.look({*newest});
  REQUIRE(unrelied.touch({{NumberBase::absolute, 0, 1}}));
  REQUIRE(unrelied.touch({{NumberBase::absolute, run.repository.state().next_number - 1, 1}}));
}
