// The rules of removing a policy.
#include "tests/unit/rules/retention_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

JournalEntry removing(const State& state, const std::string& policy) {
  return entry_at(state, owner, PolicyRemoved{.policy = policy, .reason = ""}, state.last_ms);
}

const Violation in_use{67, "a policy that is not there, or in use"};

}  // namespace

TEST_CASE("an owner removes a policy that nothing names, and nobody else does") {
  State state = law_state();
  set_policy(state, policy_of_days("archive", 30));
  JournalEntry entry = removing(state, "archive");
  entry.author = maintainer;
  require_void(state, entry, {9, "its author lacks the capability own"});
  commit(state, removing(state, "archive"));
  REQUIRE_FALSE(state.policies.contains("archive"));
  require_void(state, removing(state, "archive"), in_use);
}

TEST_CASE("the policy of genesis stays") {
  const State state = law_state();
  require_void(state, removing(state, "default"), in_use);
}

TEST_CASE("a policy that a source or a slot has stays until it has another") {
  State state = law_state();
  set_policy(state, policy_of_days("archive", 30));
  const std::variant<std::string, SlotId> subject = GENERATE(
      std::variant<std::string, SlotId>("laptop"), std::variant<std::string, SlotId>(writer));
  assign_policy(state, subject, "archive");
  require_void(state, removing(state, "archive"), in_use);
  assign_policy(state, subject, "");
  commit(state, removing(state, "archive"));
}

TEST_CASE("a policy that a snapshot was taken under may go once no source has it") {
  State state = law_state();
  set_policy(state, policy_of_days("archive", 30));
  assign_policy(state, "laptop", "archive");
  add_snapshot(state, writer, 1);
  assign_policy(state, "laptop", "");
  commit(state, removing(state, "archive"));
  REQUIRE(minimum_days(state, 1) == 30);
}

TEST_CASE("a policy that a proposal is about, or would assign, stays until it is cancelled") {
  State state = law_state();
  set_policy(state, policy_of_days("vault", 30, 0, LockMode::compliance));
  set_policy(state, policy_of_days("archive", 30));
  const std::uint64_t assigned = assign_policy(state, "laptop", "vault");
  const std::uint64_t set =
      set_policy(state, policy_of_days("archive", 30, 0, LockMode::compliance));
  REQUIRE(state.proposals.size() == 2);
  require_void(state, removing(state, "vault"), in_use);
  require_void(state, removing(state, "archive"), in_use);
  add_act(state, owner, ProposalCancelled{.sequence = assigned, .reason = ""});
  commit(state, removing(state, "vault"));
  require_void(state, removing(state, "archive"), in_use);
  add_act(state, owner, ProposalCancelled{.sequence = set, .reason = ""});
  commit(state, removing(state, "archive"));
}
