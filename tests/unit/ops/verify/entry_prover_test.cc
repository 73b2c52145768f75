// Vouching for entries: those of which every block was found, and no others.
#include "engine/ops/verify/entry_prover.h"

#include "tests/support/attacker.h"
#include "tests/support/roles.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

// A writer's entries that nobody has vouched for, as an owner sees them, with owner's between.
struct Unproved {
  explicit Unproved(int count = 2) {
    Repository writer = roles.open();
    for (int i = 0; i < count; ++i) {
      roles.write_news(100'000, concat("news", i));
      roles.backup(writer, "laptop");
      owner.journal().replay();
      entries.push_back(owner.state().next_sequence - 1);
      roles.owner.backup(owner, roles.source / "tree");
    }
  }

  [[nodiscard]] EntryProver prover() const {
    return {owner.state(), BlockIndex::Reader(owner.blocks().index())};
  }

  // The numbers of an entry's blocks, but for as many as are to be missing.
  void note(EntryProver& prover, std::uint64_t sequence, std::uint64_t missing = 0) const {
    const BlockIndex::Reader index(owner.blocks().index());
    const std::optional<EntryRecord> entry = index.entry(sequence);
    for (const NumberRun& run : entry->runs) {
      for (std::uint64_t i = missing; i < run.count; ++i) {
        prover.add(run.first + i);
      }
      missing = 0;
    }
  }

  [[nodiscard]] bool is_proved(std::uint64_t sequence) const {
    return owner.state().is_proved(sequence, slot_called(owner.state(), "other"));
  }

  Roles roles{writer_capabilities};
  Repository& owner = roles.owner_repository;
  std::vector<std::uint64_t> entries;
};

}  // namespace

TEST_CASE("an entry of which every block was found is vouched for, and stays so") {
  Unproved run;
  EntryProver prover = run.prover();
  run.note(prover, run.entries.front());
  REQUIRE(prover.commit_proofs(run.owner) == 1);
  REQUIRE(run.is_proved(run.entries.front()));
  REQUIRE_FALSE(run.is_proved(run.entries.back()));
  // It counts as proved: blocks of it are not counted again.
  EntryProver again = run.prover();
  run.note(again, run.entries.front());
  REQUIRE(again.commit_proofs(run.owner) == 0);
}

TEST_CASE("an entry of which one block is missing is not vouched for, nor is a neighbour for it") {
  Unproved run;
  EntryProver prover = run.prover();
  for (const std::uint64_t entry : run.entries) {
    run.note(prover, entry, 1);
  }
  prover.add(0);  // of the owner's own entry, which is proved
  prover.add(run.owner.state().next_number);
  const std::uint64_t before = run.owner.state().next_sequence;
  REQUIRE(prover.commit_proofs(run.owner) == 0);
  REQUIRE(run.owner.state().next_sequence == before);  // nothing to say is not said
}

TEST_CASE("a slot that may not read cannot vouch") {
  Unproved run;
  Repository writer = run.roles.open();
  writer.blocks().index();
  EntryProver prover(writer.state(), BlockIndex::Reader(writer.blocks().index()));
  run.note(prover, run.entries.front());
  REQUIRE(error_code([&] { prover.commit_proofs(writer); }) == Code::refused);
  REQUIRE_FALSE(run.is_proved(run.entries.front()));
}

TEST_CASE("what was proved at different times is one range, up to what cannot be proved") {
  Unproved run(4);
  const auto prove = [&](const std::vector<std::size_t>& places) {
    EntryProver prover = run.prover();
    for (const std::size_t place : places) {
      run.note(prover, run.entries[place]);
    }
    return prover.commit_proofs(run.owner);
  };
  REQUIRE(prove({0}) == 1);
  REQUIRE(run.owner.state().proved.size() == 1);
  REQUIRE(prove({1, 3}) == 2);
  REQUIRE(run.owner.state().proved ==
          std::vector<EntryRange>{{0, run.entries[1]}, {run.entries[2] + 1, run.entries[3]}});
  REQUIRE(prove({2}) == 1);
  REQUIRE(run.owner.state().proved == std::vector<EntryRange>{{0, run.entries[3]}});
}

TEST_CASE("an entry with a segment that does not count is not vouched for") {
  Unproved run(1);
  Repository evil = run.roles.open();
  run.roles.write_news(100'000, "evil");
  run.roles.backup(evil, "laptop");
  run.owner.journal().replay();
  const std::uint64_t honest = run.owner.state().next_sequence - 1;
  commit_hollow(evil, run.roles.content, "laptop",
                {.segments = {{run.roles.content.draw_id<ObjectHash>(), PackKind::data}}});
  run.owner.journal().replay();
  const std::uint64_t hollow = run.owner.state().next_sequence - 1;
  EntryProver prover = run.prover();
  run.note(prover, honest);
  REQUIRE(prover.commit_proofs(run.owner) == 1);
  REQUIRE(run.is_proved(honest));
  REQUIRE_FALSE(run.is_proved(hollow));
}
