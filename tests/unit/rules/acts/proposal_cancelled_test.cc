// The rules of cancelling a proposal.
#include "tests/unit/rules/retention_fixture.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("an owner cancels a proposal that waits, any owner and nobody else") {
  State state = law_state();
  const auto second_owner = sample_id<SlotId>(110);
  add_act(state, owner, slot(second_owner, owner_capabilities));
  set_policy(state, policy_of_days("vault", 30, 0, LockMode::compliance));
  const std::uint64_t first = assign_policy(state, "laptop", "vault");
  const std::uint64_t second = assign_policy(state, "desk", "vault");
  const auto cancelling = [&](const SlotId& author, std::uint64_t sequence) {
    return entry_at(state, author, ProposalCancelled{.sequence = sequence, .reason = ""},
                    state.last_ms);
  };
  require_void(state, cancelling(maintainer, first), {9, "its author lacks the capability own"});
  commit(state, cancelling(second_owner, first));
  REQUIRE(state.proposals.size() == 1);
  REQUIRE(state.proposals.front().sequence == second);
  const Violation none{91, "no proposal that waits"};
  require_void(state, cancelling(owner, first), none);
  require_void(state, cancelling(owner, 0), none);
  pass_days(state, 4);
  REQUIRE(policy_of(state, "desk").name == "vault");
  require_void(state, cancelling(owner, second), none);
}
