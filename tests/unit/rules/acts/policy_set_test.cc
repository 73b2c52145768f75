// The rules of setting a policy.
#include "engine/rules/proposals.h"
#include "tests/unit/rules/retention_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

JournalEntry setting(const State& state, const Policy& policy, const std::string& reason = "") {
  return entry_at(state, owner, PolicySet{.policy = policy, .reason = reason}, state.last_ms);
}

const Violation out_of_bounds{64, "a policy that is out of bounds"};
const Violation without_reason{65, "a weaker policy without a reason"};

}  // namespace

TEST_CASE("an owner sets a policy, new or in the place of another; nobody else does") {
  State state = law_state();
  Policy policy = policy_of_days("archive", 30);
  JournalEntry entry = setting(state, policy);
  for (const SlotId& author : {writer, reader, maintainer}) {
    entry.author = author;
    require_void(state, entry, {9, "its author lacks the capability own"});
  }
  commit(state, setting(state, policy));
  REQUIRE(state.policies.at("archive") == policy);
  policy.daily = {.count = 14};
  policy.minimum_seconds = 40 * law_day;
  commit(state, setting(state, policy));
  REQUIRE(state.policies.at("archive") == policy);
  REQUIRE(state.policies.size() == 2);
  REQUIRE(default_policy(state) == sample_genesis().policy);
}

TEST_CASE("a policy has a name of 1 to 255 bytes") {
  const State state = law_state();
  REQUIRE_FALSE(validate(state, setting(state, policy_of_days(std::string(255, 'a'), 1))));
  for (const std::size_t size : {0U, 256U}) {
    require_void(state, setting(state, policy_of_days(std::string(size, 'a'), 1)), out_of_bounds);
  }
}

TEST_CASE("a policy's minimum is at most the ceiling, and its maximum none or not less") {
  State state = law_state();
  const std::uint64_t ceiling_days = 10 * std::uint64_t{366};
  REQUIRE_FALSE(validate(state, setting(state, policy_of_days("archive", ceiling_days))));
  Policy longer = policy_of_days("archive", ceiling_days);
  ++longer.minimum_seconds;
  require_void(state, setting(state, longer), out_of_bounds);
  REQUIRE_FALSE(validate(state, setting(state, policy_of_days("archive", 30, 30))));
  REQUIRE_FALSE(validate(state, setting(state, policy_of_days("archive", 0, 1))));
  require_void(state, setting(state, policy_of_days("archive", 30, 29)), out_of_bounds);
  add_act(state, owner, CeilingSet{.seconds = 30 * law_day, .reason = ""});
  REQUIRE_FALSE(validate(state, setting(state, policy_of_days("archive", 30))));
  require_void(state, setting(state, policy_of_days("archive", 31)), out_of_bounds);
}

TEST_CASE("a policy makes nobody wait for more than 366 days, nor for 256 owners") {
  const State state = law_state();
  for (std::uint64_t Policy::*field :
       {&Policy::grace_seconds, &Policy::cooling_off_seconds, &Policy::notice_seconds}) {
    Policy policy = policy_of_days("archive", 1);
    policy.*field = 366 * law_day;
    REQUIRE_FALSE(validate(state, setting(state, policy)));
    ++(policy.*field);
    require_void(state, setting(state, policy), out_of_bounds);
  }
  Policy policy = policy_of_days("archive", 1);
  policy.approvals = 255;
  REQUIRE_FALSE(validate(state, setting(state, policy)));
  for (const std::uint32_t approvals : {0U, 256U}) {
    policy.approvals = approvals;
    require_void(state, setting(state, policy), out_of_bounds);
  }
}

TEST_CASE("each way in which a policy gets weaker needs a reason, a longer maximum needs none") {
  State state = law_state();
  Policy policy = policy_of_days("archive", 30, 60);
  policy.notice_seconds = law_day;
  policy.approvals = 2;
  commit(state, setting(state, policy));
  const auto needs_reason = [&](const Policy& weaker) {
    require_void(state, setting(state, weaker), without_reason);
    REQUIRE_FALSE(validate(state, setting(state, weaker, "it was too long")));
  };
  for (std::uint64_t Policy::*field : {&Policy::minimum_seconds, &Policy::grace_seconds,
                                       &Policy::cooling_off_seconds, &Policy::notice_seconds}) {
    Policy weaker = policy;
    --(weaker.*field);
    needs_reason(weaker);
  }
  Policy fewer = policy;
  fewer.approvals = 1;
  needs_reason(fewer);
  Policy redacting = policy;
  redacting.allows_redaction = true;
  needs_reason(redacting);
  for (const std::uint64_t days : {0U, 30U, 90U}) {
    Policy other = policy;
    other.maximum_seconds = days * law_day;
    other.last = 7;
    REQUIRE_FALSE(validate(state, setting(state, other)));
  }
}

TEST_CASE("to leave compliance needs a reason, to begin it none") {
  State state = law_state();
  set_policy(state, policy_of_days("archive", 30, 0, LockMode::compliance));
  require_void(state, setting(state, policy_of_days("archive", 30)), without_reason);
  REQUIRE_FALSE(validate(state, setting(state, policy_of_days("archive", 30), "a mistake")));
  set_policy(state, policy_of_days("desk", 30));
  REQUIRE_FALSE(
      validate(state, setting(state, policy_of_days("desk", 30, 0, LockMode::compliance))));
}

TEST_CASE("a repository has at most 1,024 policies, and those that it has can be set") {
  State state = law_state();
  while (state.policies.size() < policies_max) {
    const std::string name = concat("policy ", state.policies.size());
    state.policies.emplace(name, policy_of_days(name, 1));
  }
  require_void(state, setting(state, policy_of_days("archive", 1)),
               {66, "more policies than a repository may have"});
  commit(state, setting(state, policy_of_days("policy 7", 2)));
  State with_room = state;
  with_room.policies.erase("policy 8");
  REQUIRE_FALSE(validate(with_room, setting(with_room, policy_of_days("archive", 1))));
}

TEST_CASE("a policy that has to wait finds room among the proposals, any other needs none") {
  State state = law_state();
  set_policy(state, policy_of_days("archive", 30));
  state.proposals.resize(proposals_max);
  require_void(state, setting(state, policy_of_days("archive", 30, 0, LockMode::compliance)),
               {90, "more proposals than may wait"});
  REQUIRE_FALSE(validate(state, setting(state, policy_of_days("archive", 40))));
  state.proposals.pop_back();
  REQUIRE_FALSE(
      validate(state, setting(state, policy_of_days("archive", 30, 0, LockMode::compliance))));
}
