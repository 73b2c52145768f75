// The rules of recording proofs.
#include "tests/unit/rules/rules_fixture.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("segments that exist are proved, by a slot that reads") {
  State state = small_state();
  SnapshotTaken taken = snapshot(1);
  taken.segments = {{sample_id<ObjectHash>(10), 0, 1}};
  commit(state, next_entry(state, writer, taken));
  const SegmentsProved act{{sample_id<ObjectHash>(10)}};
  require_void(state, next_entry(state, writer, act), {9, "its author lacks the capability read"});
  require_void(state,
               next_entry(state, reader, SegmentsProved{{sample_id<ObjectHash>(10), ObjectHash{}}}),
               {46, "a segment that does not exist"});
  REQUIRE_FALSE(state.segments.at(sample_id<ObjectHash>(10)).is_proved);
  commit(state, next_entry(state, reader, act));
  REQUIRE(state.segments.at(sample_id<ObjectHash>(10)).is_proved);
}
