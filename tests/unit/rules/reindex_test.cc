// Index segments that are replaced or given up: which may be, by whom, and what they are then.
#include "tests/unit/rules/rules_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

ObjectHash name(std::uint8_t number) {
  return sample_id<ObjectHash>(number);
}

// A writer's snapshot that introduces two segments.
State with_segments() {
  State state = small_state();
  SnapshotTaken taken = snapshot(40);
  taken.numbers = reserve(state.next_number, 10, 10);
  taken.segments = {{name(140), PackKind::data}, {name(141), PackKind::meta}};
  commit(state, next_entry(state, writer, taken));
  return state;
}

const Violation not_current{57,
                            "index segments that are none, too many, not in order or not current"};
const Violation not_there{59,
                          "index segments that are none, too many, not in order or not current"};
const Violation not_new{58, "index segments that are none, too many or not new"};

}  // namespace

TEST_CASE("segments that were replaced do not count any more, and those that replace them do") {
  State state = with_segments();
  const std::uint64_t next_number = state.next_number;
  const std::uint64_t introduced = state.next_sequence - 1;
  commit(state, next_entry(state, owner, Reindexed{{name(140)}, {name(150)}, {name(151)}}));
  REQUIRE_FALSE(state.segments.find(name(140))->is_current);
  REQUIRE(state.segments.find(name(141))->is_current);
  REQUIRE(state.segments.find(name(150))->is_current);
  REQUIRE(state.segments.find(name(150))->numbers.count() == 0);
  REQUIRE(state.changed == std::set{introduced});
  REQUIRE(state.key_segments.contains(name(151)));
  REQUIRE(state.next_number == next_number);
  require_void(state, next_entry(state, owner, Reindexed{{name(140)}, {name(152)}, {}}),
               not_current);
  require_void(state, next_entry(state, owner, SegmentsGivenUp{{name(140)}}), not_there);
  commit(state, next_entry(state, owner, Reindexed{{name(141), name(150)}, {name(153)}, {}}));
  REQUIRE_FALSE(state.segments.find(name(150))->is_current);
}

TEST_CASE("segments are replaced by new ones, each once, and in order") {
  const State state = with_segments();
  const auto refuse = [&](const Reindexed& act, const Violation& violation) {
    require_void(state, next_entry(state, owner, act), violation);
  };
  refuse({{}, {name(150)}, {}}, not_current);
  refuse({{name(141), name(140)}, {name(150)}, {}}, not_current);
  refuse({{name(140), name(140)}, {name(150)}, {}}, not_current);
  refuse({{name(99)}, {name(150)}, {}}, not_current);
  refuse({{name(140)}, {}, {}}, not_new);
  refuse({{name(140)}, {name(140)}, {}}, not_new);
  refuse({{name(140)}, {name(150), name(150)}, {}}, not_new);
  refuse({{name(140)}, {name(150)}, {name(151), name(151)}},
         Violation{36, "the same key segment twice"});
  refuse({{name(140)}, std::vector<ObjectHash>(2'000, name(150)), {}}, not_new);
}

TEST_CASE("a segment that was given up is never introduced again") {
  State state = with_segments();
  const std::uint64_t given_up = state.given_up;
  commit(state, next_entry(state, owner, SegmentsGivenUp{{name(140), name(141)}}));
  REQUIRE(state.given_up == given_up + 1);
  SnapshotTaken again = snapshot(41);
  again.numbers = reserve(state.next_number, 10);
  again.segments = {{name(140), PackKind::data}};
  require_void(state, next_entry(state, writer, again),
               Violation{32, "a segment that exists already"});
  require_void(state, next_entry(state, owner, Reindexed{{name(141)}, {name(150)}, {}}),
               not_current);
}

TEST_CASE("only a slot with maintain replaces segments or gives them up") {
  const State state = with_segments();
  const Violation lacks{9, "its author lacks the capability maintain"};
  for (const SlotId& author : {writer, reader}) {
    require_void(state, next_entry(state, author, SegmentsGivenUp{{name(140)}}), lacks);
    require_void(state, next_entry(state, author, Reindexed{{name(140)}, {name(150)}, {}}), lacks);
  }
}
