// Index segments that are replaced or given up: which may be, by whom, and what they are then.
#include "tests/unit/rules/rules_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

ObjectHash name(std::uint8_t number) {
  return sample_id<ObjectHash>(number);
}

ReplacedSegment former(std::uint8_t number, std::uint32_t first = 0, std::uint32_t count = 0) {
  return {name(number), first, count};
}

// Names that nothing has, ascending.
std::vector<ObjectHash> many(std::size_t count) {
  std::vector<ObjectHash> out(count);
  for (std::size_t i = 0; i < count; ++i) {
    out[i].bytes[0] = 250;
    out[i].bytes[1] = static_cast<std::uint8_t>(i >> 8U);
    out[i].bytes[2] = static_cast<std::uint8_t>(i & 0xffU);
  }
  return out;
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

const Violation not_current{56,
                            "index segments that are none, too many, not in order or not current"};
const Violation not_there{58,
                          "index segments that are none, too many, not in order or not current"};
const Violation not_new{57, "index segments that are none, too many or not new"};

}  // namespace

TEST_CASE("segments that were replaced do not count any more, and those that replace them do") {
  State state = with_segments();
  const std::uint64_t next_number = state.next_number;
  const std::uint64_t introduced = state.next_sequence - 1;
  commit(state, next_entry(state, owner, Reindexed{{former(140, 3, 4)}, {name(150)}, {name(151)}}));
  REQUIRE(state.segments.find(name(140))->first_ordinal == 3);
  REQUIRE(state.segments.find(name(140))->count == 4);
  REQUIRE_FALSE(state.segments.find(name(140))->is_current);
  REQUIRE(state.segments.find(name(141))->is_current);
  REQUIRE(state.segments.find(name(150))->is_current);
  REQUIRE(state.segments.find(name(150))->numbers.count() == 0);
  REQUIRE(state.changed == std::set{introduced});
  REQUIRE(state.key_segments.contains(name(151)));
  REQUIRE(state.next_number == next_number);
  require_void(state, next_entry(state, owner, Reindexed{{former(140)}, {name(152)}, {}}),
               not_current);
  require_void(state, next_entry(state, owner, SegmentsGivenUp{{name(140)}}), not_there);
  commit(state, next_entry(state, owner, Reindexed{{former(141), former(150)}, {name(153)}, {}}));
  REQUIRE_FALSE(state.segments.find(name(150))->is_current);
}

TEST_CASE("segments are replaced by new ones, each once, and in order") {
  const State state = with_segments();
  const auto refuse = [&](const Reindexed& act, const Violation& violation) {
    require_void(state, next_entry(state, owner, act), violation);
  };
  refuse({{}, {name(150)}, {}}, not_current);
  refuse({{former(141), former(140)}, {name(150)}, {}}, not_current);
  refuse({{former(140), former(140)}, {name(150)}, {}}, not_current);
  refuse({{former(99)}, {name(150)}, {}}, not_current);
  refuse({{former(140)}, {}, {}}, not_new);
  refuse({{former(140)}, {name(140)}, {}}, not_new);
  refuse({{former(140)}, {name(150), name(150)}, {}}, not_new);
  refuse({{former(140)}, {name(150)}, {name(151), name(151)}},
         Violation{36, "the same key segment twice"});
  refuse({{former(140)}, many(entry_segments_max + 1), {}}, not_new);
  REQUIRE_FALSE(validate(
      state, next_entry(state, owner, Reindexed{{former(140)}, many(entry_segments_max), {}})));
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
  require_void(state, next_entry(state, owner, Reindexed{{former(141)}, {name(150)}, {}}),
               not_current);
}

TEST_CASE("only a slot with maintain replaces segments or gives them up") {
  const State state = with_segments();
  const Violation lacks{9, "its author lacks the capability maintain"};
  for (const SlotId& author : {writer, reader}) {
    require_void(state, next_entry(state, author, SegmentsGivenUp{{name(140)}}), lacks);
    require_void(state, next_entry(state, author, Reindexed{{former(140)}, {name(150)}, {}}),
                 lacks);
  }
}

TEST_CASE("an entry takes out at most 1,024 segments") {
  State state = with_segments();
  const std::vector<ObjectHash> names = many(entry_segments_max + 1);
  const std::vector<ObjectHash> half(names.begin(), names.end() - 1);
  commit(state, next_entry(state, owner, Reindexed{{former(140)}, half, {}}));
  commit(state, next_entry(state, owner, Reindexed{{former(141)}, {names.back()}, {}}));
  std::vector<ReplacedSegment> all(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    all[i].hash = names[i];
  }
  require_void(state, next_entry(state, owner, SegmentsGivenUp{names}), not_there);
  require_void(state, next_entry(state, owner, Reindexed{all, {name(150)}, {}}), not_current);
  all.pop_back();
  REQUIRE_FALSE(validate(state, next_entry(state, owner, Reindexed{all, {name(150)}, {}})));
  REQUIRE_FALSE(validate(state, next_entry(state, owner, SegmentsGivenUp{half})));
}
