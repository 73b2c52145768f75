// The rules of recording proofs.
#include "tests/unit/rules/rules_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

using Ranges = std::vector<EntryRange>;

// A small repository with so many snapshots of its writer, from entry 3 on.
State state_of(std::uint8_t snapshots) {
  State state = small_state();
  for (std::uint8_t id = 1; id <= snapshots; ++id) {
    commit(state, next_entry(state, writer, storing(id, 1)));
  }
  return state;
}

}  // namespace

TEST_CASE("entries are proved by a slot that reads, those that store something or nothing") {
  State state = state_of(2);
  const EntriesProved act{{{1, 3}}};
  require_void(state, next_entry(state, writer, act), {9, "its author lacks the capability read"});
  commit(state, next_entry(state, reader, act));
  REQUIRE(state.is_proved(3, writer));
  REQUIRE_FALSE(state.is_proved(4, writer));
}

TEST_CASE("ranges of proved entries ascend, do not overlap, and end before their own entry") {
  const State state = state_of(4);
  REQUIRE(state.next_sequence == 7);
  for (const Ranges& good : {Ranges{{0, 6}}, Ranges{{3, 3}, {4, 4}}, Ranges{{3, 4}, {6, 6}}}) {
    REQUIRE_FALSE(validate(state, next_entry(state, reader, EntriesProved{good})));
  }
  for (const Ranges& bad :
       {Ranges{}, Ranges{{3, 7}}, Ranges{{0, UINT64_MAX}}, Ranges{{4, 3}}, Ranges{{3, 4}, {4, 5}},
        Ranges{{3, 3}, {3, 3}}, Ranges{{5, 5}, {3, 3}}, Ranges{{0, UINT64_MAX}, {0, 1}}}) {
    require_void(state, next_entry(state, reader, EntriesProved{bad}),
                 {46, "ranges that are no ranges of earlier entries"});
  }
}

TEST_CASE("an entry proves a bounded number of ranges") {
  State state = small_state();
  state.next_sequence = 100'000;
  EntriesProved act;
  for (std::uint64_t i = 0; i < proved_ranges_max; ++i) {
    act.ranges.push_back({2 * i, 2 * i});
  }
  REQUIRE_FALSE(validate(state, next_entry(state, reader, act)));
  act.ranges.push_back({99'000, 99'000});
  require_void(state, next_entry(state, reader, act),
               {46, "ranges that are no ranges of earlier entries"});
}

TEST_CASE("proved entries are kept as few ranges, however they come to be proved") {
  State state = small_state();
  state.next_sequence = 300'000;
  const auto prove = [&](const Ranges& ranges) {
    commit(state, next_entry(state, reader, EntriesProved{ranges}));
  };
  prove({{10, 19}, {30, 39}});
  prove({{50, 59}});
  REQUIRE(state.proved == Ranges{{10, 19}, {30, 39}, {50, 59}});
  prove({{0, 2}, {35, 45}, {60, 60}});
  REQUIRE(state.proved == Ranges{{0, 2}, {10, 19}, {30, 45}, {50, 60}});
  prove({{3, 9}, {20, 29}, {40, 70}});
  REQUIRE(state.proved == Ranges{{0, 70}});
  prove({{5, 6}});
  REQUIRE(state.proved == Ranges{{0, 70}});
  prove({{0, 299'999}});
  REQUIRE(state.proved == Ranges{{0, 299'999}});
}
