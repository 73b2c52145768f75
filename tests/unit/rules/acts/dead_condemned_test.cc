// The rules of condemning index segments as dead, and until when they stand condemned.
#include "tests/unit/rules/retention_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

ObjectHash dead_segment(std::uint8_t number) {
  return sample_id<ObjectHash>(number);
}

DeadCondemned dead_of(const std::vector<std::uint8_t>& numbers) {
  DeadCondemned out;
  for (const std::uint8_t number : numbers) {
    out.segments.push_back(dead_segment(number));
  }
  return out;
}

// Index segments 40, 41 and 50, all current.
State with_live_segments() {
  State state = law_state();
  add_act(state, writer, storing(4, 10, 10));
  add_act(state, writer, storing(5, 10));
  return state;
}

JournalEntry condemning(const State& state,
                        const DeadCondemned& act,
                        const SlotId& author = maintainer) {
  return entry_at(state, author, act, state.last_ms + 5);
}

using DeadSegments = std::map<ObjectHash, Condemnation>;

const Violation cannot_be_dead{99, "index segments that are too many, not in order or not current"};

}  // namespace

TEST_CASE("who maintains condemns segments as dead, nobody else does, and it is noted who did") {
  State state = with_live_segments();
  for (const SlotId& author : {writer, reader}) {
    require_void(state, condemning(state, dead_of({40}), author),
                 {9, "its author lacks the capability maintain"});
  }
  const JournalEntry entry = condemning(state, dead_of({40, 50}));
  commit(state, entry);
  const Condemnation noted{
      .author = maintainer, .sequence = entry.sequence, .time_ms = entry.time_ms};
  REQUIRE(state.dead == DeadSegments{{dead_segment(40), noted}, {dead_segment(50), noted}});
  for (const std::uint8_t number : std::initializer_list<std::uint8_t>{40, 41, 50}) {
    REQUIRE(state.segments.find(dead_segment(number))->is_current);
  }
  REQUIRE(state.changed.empty());
}

TEST_CASE("only segments are condemned that are current, in order and each once") {
  State state = with_live_segments();
  for (const DeadCondemned& wrong :
       {dead_of({99}), dead_of({40, 99}), dead_of({50, 40}), dead_of({40, 40})}) {
    require_void(state, condemning(state, wrong), cannot_be_dead);
  }
  add_act(state, maintainer, SegmentsGivenUp{{dead_segment(40)}});
  add_act(state, maintainer, Reindexed{{{.hash = dead_segment(41)}}, {dead_segment(60)}, {}});
  require_void(state, condemning(state, dead_of({40})), cannot_be_dead);
  require_void(state, condemning(state, dead_of({41, 50})), cannot_be_dead);
  REQUIRE_FALSE(validate(state, condemning(state, dead_of({50, 60}))));
}

TEST_CASE("at most 4,096 segments stand condemned as dead") {
  State state = with_live_segments();
  DeadCondemned many;
  for (std::size_t i = 0; i <= 4'096; ++i) {
    ObjectHash each;
    each.bytes[0] = static_cast<std::uint8_t>(i >> 8U);
    each.bytes[1] = static_cast<std::uint8_t>(i & 0xffU);
    state.segments.put(each, {.author = writer, .sequence = 5});
    many.segments.push_back(each);
  }
  require_void(state, condemning(state, many), cannot_be_dead);
  many.segments.pop_back();
  REQUIRE_FALSE(validate(state, condemning(state, many)));
}

TEST_CASE("what a later entry names again stands as it did, and what it leaves out no longer") {
  State state = with_live_segments();
  commit(state, condemning(state, dead_of({40, 41})));
  const Condemnation first = state.dead.at(dead_segment(40));
  const JournalEntry entry = condemning(state, dead_of({40, 50}), owner);
  commit(state, entry);
  const Condemnation second{.author = owner, .sequence = entry.sequence, .time_ms = entry.time_ms};
  REQUIRE(second != first);
  REQUIRE(state.dead == DeadSegments{{dead_segment(40), first}, {dead_segment(50), second}});
  // One that was left out begins anew.
  const JournalEntry again = condemning(state, dead_of({41}));
  commit(state, again);
  REQUIRE(
      state.dead ==
      DeadSegments{{dead_segment(41),
                    {.author = maintainer, .sequence = again.sequence, .time_ms = again.time_ms}}});
  commit(state, condemning(state, {}));
  REQUIRE(state.dead.empty());
}

TEST_CASE("a segment that is replaced or given up stands condemned no more") {
  State state = with_live_segments();
  commit(state, condemning(state, dead_of({40, 41, 50})));
  const Condemnation noted = state.dead.at(dead_segment(50));
  add_act(state, maintainer, Reindexed{{{.hash = dead_segment(40)}}, {dead_segment(60)}, {}});
  REQUIRE_FALSE(state.dead.contains(dead_segment(40)));
  REQUIRE_FALSE(state.dead.contains(dead_segment(60)));
  REQUIRE(state.dead.contains(dead_segment(41)));
  add_act(state, maintainer, SegmentsGivenUp{{dead_segment(41)}});
  REQUIRE(state.dead == DeadSegments{{dead_segment(50), noted}});
}
