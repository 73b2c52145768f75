// Vouching for segments: those of which every block was found, and no others.
#include "engine/ops/verify/segment_prover.h"

#include "tests/support/roles.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

// A writer's segments that nobody has vouched for, as an owner sees them.
struct Unproved {
  Unproved() {
    Repository writer = roles.open();
    for (int i = 0; i < 2; ++i) {
      roles.write_news(100'000, concat("news", i));
      roles.backup(writer, "laptop");
    }
    owner.journal().replay();
    owner.state().segments.for_each([&](const ObjectHash&, const SegmentState& segment) {
      if (!segment.is_proved) segments.push_back(segment.introduction);
    });
    REQUIRE(segments.size() >= 2);
  }

  static void note_all(SegmentProver& prover, const SegmentIntroduction& segment) {
    for (std::uint32_t i = 0; i < segment.block_count; ++i) {
      prover.add(segment.first_number + i);
    }
  }

  [[nodiscard]] bool is_proved(const SegmentIntroduction& segment) const {
    return owner.state().segments.at(segment.index_segment).is_proved;
  }

  Roles roles{writer_capabilities};
  Repository& owner = roles.owner_repository;
  std::vector<SegmentIntroduction> segments;
};

}  // namespace

TEST_CASE("a segment of which every block was found is vouched for, and stays so") {
  Unproved run;
  SegmentProver prover(run.owner.state());
  Unproved::note_all(prover, run.segments.front());
  REQUIRE(prover.commit_proofs(run.owner) == 1);
  REQUIRE(run.is_proved(run.segments.front()));
  REQUIRE_FALSE(run.is_proved(run.segments.back()));
  // It counts as proved: blocks of it are not counted again.
  SegmentProver again(run.owner.state());
  Unproved::note_all(again, run.segments.front());
  REQUIRE(again.commit_proofs(run.owner) == 0);
}

TEST_CASE("a segment of which one block is missing is not vouched for, nor is a neighbour for it") {
  Unproved run;
  SegmentProver prover(run.owner.state());
  for (const SegmentIntroduction& segment : run.segments) {
    for (std::uint32_t i = 1; i < segment.block_count; ++i) {
      prover.add(segment.first_number + i);
    }
  }
  prover.add(0);  // of the owner's own segment, which is proved
  prover.add(run.owner.state().next_number);
  const std::uint64_t before = run.owner.state().next_sequence;
  REQUIRE(prover.commit_proofs(run.owner) == 0);
  REQUIRE(run.owner.state().next_sequence == before);  // nothing to say is not said
}

TEST_CASE("a slot that may not read cannot vouch") {
  Unproved run;
  Repository writer = run.roles.open();
  SegmentProver prover(writer.state());
  Unproved::note_all(prover, run.segments.front());
  REQUIRE(error_code([&] { prover.commit_proofs(writer); }) == Code::refused);
  REQUIRE_FALSE(run.is_proved(run.segments.front()));
}
