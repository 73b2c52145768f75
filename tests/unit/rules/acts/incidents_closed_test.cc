// The rules of closing incidents.
#include "tests/unit/rules/rules_fixture.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("incidents that are open are closed, and no others") {
  State state = small_state();
  const IncidentsClosed act{.first = 3, .last = 4, .note = "seen", .accepted = {}};
  require_void(state, next_entry(state, owner, act), {44, "no incident that is open"});
  for (const char* reason : {"junk", "junk", "other junk"}) {
    apply_void(state, reason, sample_id<ObjectHash>(77));
  }
  commit(state, next_entry(state, owner, act));
  REQUIRE(state.open_incidents().size() == 1);
  REQUIRE(state.open_incidents().front()->sequence == 5);
  require_void(state, next_entry(state, owner, act), {44, "no incident that is open"});
}

TEST_CASE("an incident of several entries is closed as a whole or not at all") {
  State state = small_state();
  for (int i = 0; i < 3; ++i) {
    apply_void(state, "junk", sample_id<ObjectHash>(77));
  }
  for (const auto& [first, last] : {std::pair(3, 4), std::pair(4, 5)}) {
    const IncidentsClosed part{.first = static_cast<std::uint64_t>(first),
                               .last = static_cast<std::uint64_t>(last)};
    require_void(state, next_entry(state, owner, part), {44, "no incident that is open"});
  }
  commit(state, next_entry(state, owner, IncidentsClosed{.first = 3, .last = 5}));
  REQUIRE(state.open_incidents().empty());
}

TEST_CASE("the last entry that is accepted is the one before") {
  State state = small_state();
  apply_void(state, "junk", sample_id<ObjectHash>(77));
  IncidentsClosed act{.first = 3, .last = 3, .note = {}, .accepted = {state.head}};
  REQUIRE_FALSE(validate(state, next_entry(state, owner, act)));
  const Violation expected{45, "entries accepted that are not those before it"};
  act.accepted.insert(act.accepted.begin(), accepted_entries_max, {});
  require_void(state, next_entry(state, owner, act), expected);
  act.accepted = {state.head, sample_id<ObjectHash>(78)};
  require_void(state, next_entry(state, owner, act), expected);
}
