// Which blocks a snapshot needs: read from the store once, then from the block index.
#include "engine/blocks/snapshot_numbers.h"

#include "engine/format/names.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

struct Numbered : World {
  Numbered() {
    SeededRandom random{seed()};
    write_file(tree("file"), random_bytes(random, 200'000));
    backup();
  }

  [[nodiscard]] SnapshotState taken() const { return repository.state().snapshots.at(snapshot); }

  std::optional<NumberSet> read() {
    SnapshotNumbers reader(repository.blocks());
    auto out = reader.of(taken());
    reader.keep();
    return out;
  }
};

}  // namespace

TEST_CASE("the numbers of a snapshot are kept, and read from the store only once") {
  Numbered run;
  const std::optional<NumberSet> first = run.read();
  REQUIRE(first);
  REQUIRE(*first == numbers_of_snapshot(run.repository.journal(), run.taken()));
  take_away(*run.store, reference_set_path(run.taken().set.hash));
  REQUIRE(run.read() == first);
}

TEST_CASE("a set that is gone or damaged gives no numbers, and is not kept as empty") {
  Numbered run;
  const auto gone = take_away(*run.store, reference_set_path(run.taken().set.hash));
  REQUIRE_FALSE(run.read());
  put_back(*run.store, gone);
  REQUIRE(run.read());
}

TEST_CASE("the numbers of a set that another has replaced are not given for it") {
  Numbered run;
  REQUIRE(run.read());
  SnapshotState other = run.taken();
  other.set.hash.bytes[0] ^= 1U;
  SnapshotNumbers reader(run.repository.blocks());
  REQUIRE_FALSE(reader.of(other));
}
