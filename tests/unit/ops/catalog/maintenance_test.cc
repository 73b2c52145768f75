// What a machine keeps of a repository: counted, compared with one made anew, and remade.
#include "engine/ops/catalog/maintenance.h"

#include <filesystem>

#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

struct Catalogued : World {
  Catalogued() {
    write_file(tree("file"), random_bytes(machine.random, 100'000));
    backup();
  }

  // Another machine takes a snapshot, which this one has not heard of.
  void back_up_elsewhere() {
    Machine other(store, 2);
    other.clock.advance_ms(120'000);
    Repository elsewhere = other.open();
    write_file(tree("news"), random_bytes(machine.random, 100'000));
    other.backup(elsewhere, tree());
  }
};

bool names_all(const std::vector<std::string>& lines, const std::vector<std::string>& starts) {
  return std::ranges::all_of(starts, [&](const std::string& start) {
    return std::ranges::any_of(lines, [&](const auto& line) { return line.starts_with(start); });
  });
}

}  // namespace

TEST_CASE("a catalog's sizes are those of what it has replayed and loaded") {
  Catalogued run;
  const CatalogInfo info = catalog_info(run.repository);
  REQUIRE(info.directory == run.repository.local().directory());
  REQUIRE(info.entries == run.repository.state().next_sequence);
  REQUIRE(info.packs == names_of(*run.store, "packs/").size());
  REQUIRE(info.blocks > 0);
  REQUIRE(info.blocks < run.repository.state().next_number);  // not all that are reserved are used
  REQUIRE(info.catalog_bytes > 0);
  REQUIRE(info.index_bytes > 0);
}

TEST_CASE("a catalog that is what the store says has no difference, and no scratch is left") {
  Catalogued run;
  const std::string scratch = run.repository.local().directory() + "/check";
  std::filesystem::create_directory(scratch);
  write_file(scratch + "/stray", Bytes(1));  // of a check that was cut off
  REQUIRE(check_catalog(run.repository).empty());
  REQUIRE_FALSE(std::filesystem::exists(scratch));
}

TEST_CASE("a check overwrites the key of what it has made, and of what one before it has left") {
  Catalogued run;
  const std::string scratch = run.repository.local().scratch_directory();
  { const LocalDirectory left(scratch, run.machine.random, run.machine.observer); }
  const std::string kept = run.tree("kept");
  std::filesystem::create_hard_link(scratch + "/local.key", kept);
  REQUIRE(check_catalog(run.repository).empty());
  REQUIRE(slurp(kept) == Bytes(64));
}

TEST_CASE("a catalog that lags is told what the store has more, and stays as it is") {
  Catalogued run;
  const std::uint64_t before = run.repository.state().next_sequence;
  run.back_up_elsewhere();
  const std::vector<std::string> differences = check_catalog(run.repository);
  CAPTURE(differences);
  REQUIRE(names_all(differences, {"journal entries: ", "the heads differ", "packs: ", "blocks: "}));
  REQUIRE(run.repository.state().next_sequence == before);
}

TEST_CASE("a store whose journal does not hold is one of the differences, not the end of a check") {
  Catalogued run;
  for (const std::string name : {"journal/0000000000", "journal/0000000000.2"}) {
    flip_bit(*run.store, name);
  }
  REQUIRE(check_catalog(run.repository).size() == 1);
}

TEST_CASE("a catalog that is made anew comes to the same state, and to what has come since") {
  Catalogued run;
  const State before = run.repository.state();
  const CatalogInfo info = catalog_info(run.repository);
  rebuild_catalog(run.repository);
  REQUIRE(run.repository.state() == before);
  REQUIRE(catalog_info(run.repository).blocks == info.blocks);
  REQUIRE(check_catalog(run.repository).empty());
  run.back_up_elsewhere();
  rebuild_catalog(run.repository);
  REQUIRE(run.repository.state().next_sequence == before.next_sequence + 1);
  REQUIRE(check_catalog(run.repository).empty());
}
