// The rules of the ceiling of minimums.
#include "engine/rules/proposals.h"
#include "tests/unit/rules/retention_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

JournalEntry ceiling_at(const State& state, std::uint64_t days) {
  return entry_at(state, owner, CeilingSet{.seconds = days * law_day, .reason = ""}, state.last_ms);
}

const Violation too_low{88, "a ceiling below the minimum of a policy"};

}  // namespace

TEST_CASE("an owner lowers the ceiling at once, and nobody else does") {
  State state = law_state();
  REQUIRE(state.ceiling_seconds == 3'660 * law_day);
  JournalEntry entry = ceiling_at(state, 100);
  entry.author = maintainer;
  require_void(state, entry, {9, "its author lacks the capability own"});
  commit(state, ceiling_at(state, 100));
  REQUIRE(state.ceiling_seconds == 100 * law_day);
  REQUIRE(state.proposals.empty());
}

TEST_CASE("no policy, in force or proposed, has a minimum above the ceiling") {
  State state = law_state();
  require_void(state, ceiling_at(state, 0), too_low);
  set_policy(state, policy_of_days("archive", 30));
  require_void(state, ceiling_at(state, 29), too_low);
  REQUIRE_FALSE(validate(state, ceiling_at(state, 30)));
  set_policy(state, policy_of_days("archive", 40, 0, LockMode::compliance));
  REQUIRE(state.proposals.size() == 1);
  require_void(state, ceiling_at(state, 39), too_low);
  commit(state, ceiling_at(state, 40));
}

TEST_CASE("a ceiling is not raised while a policy asks for approvals, and may be lowered") {
  State state = law_state();
  Policy two = policy_of_days("archive", 30);
  two.approvals = 2;
  set_policy(state, two);
  require_void(state, ceiling_at(state, 3'661),
               {89, "a higher ceiling, where a policy asks for approvals"});
  REQUIRE_FALSE(validate(state, ceiling_at(state, 3'660)));
  REQUIRE_FALSE(validate(state, ceiling_at(state, 3'659)));
}

TEST_CASE("a higher ceiling finds room among the proposals, a lower one needs none") {
  State state = law_state();
  state.proposals.resize(proposals_max);
  require_void(state, ceiling_at(state, 3'661), {90, "more proposals than may wait"});
  REQUIRE_FALSE(validate(state, ceiling_at(state, 100)));
  state.proposals.pop_back();
  REQUIRE_FALSE(validate(state, ceiling_at(state, 3'661)));
}
