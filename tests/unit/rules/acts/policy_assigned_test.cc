// The rules of assigning a policy.
#include "engine/rules/proposals.h"
#include "tests/unit/rules/retention_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

using Subject = std::variant<std::string, SlotId>;

JournalEntry assigning(const State& state,
                       const Subject& subject,
                       const std::string& policy,
                       const std::string& reason = "") {
  return entry_at(state, owner,
                  PolicyAssigned{.subject = subject, .policy = policy, .reason = reason},
                  state.last_ms);
}

State with_policies() {
  State state = law_state();
  set_policy(state, policy_of_days("archive", 30));
  set_policy(state, policy_of_days("scratch", 0));
  set_policy(state, policy_of_days("vault", 30, 0, LockMode::compliance));
  return state;
}

}  // namespace

TEST_CASE("an owner assigns a policy to a source or to a slot, and takes it back") {
  State state = with_policies();
  JournalEntry entry = assigning(state, "laptop", "archive");
  entry.author = maintainer;
  require_void(state, entry, {9, "its author lacks the capability own"});
  commit(state, assigning(state, "laptop", "archive"));
  REQUIRE(policy_of(state, "laptop", writer).name == "archive");
  REQUIRE(policy_of(state, "desk", writer).name == "default");
  commit(state, assigning(state, writer, "scratch", "small"));
  REQUIRE(policy_of(state, "desk", writer).name == "scratch");
  REQUIRE(policy_of(state, "laptop", writer).name == "archive");
  commit(state, assigning(state, "laptop", "", "small"));
  REQUIRE(policy_of(state, "laptop", writer).name == "scratch");
  commit(state, assigning(state, writer, ""));
  REQUIRE(policy_of(state, "laptop", writer).name == "default");
}

TEST_CASE("a policy that does not exist is not assigned") {
  const State state = with_policies();
  for (const Subject& subject : {Subject("laptop"), Subject(writer)}) {
    require_void(state, assigning(state, subject, "mine"),
                 {68, "a policy that does not exist is assigned"});
  }
}

TEST_CASE("a policy is assigned to a source with a name, or to a slot that is there") {
  State state = with_policies();
  const Violation nothing{69, "a policy is assigned to nothing, or to a slot that is none"};
  require_void(state, assigning(state, "", "archive"), nothing);
  require_void(state, assigning(state, sample_id<SlotId>(200), "archive"), nothing);
  require_void(state, assigning(state, SlotId{}, ""), nothing);
  REQUIRE_FALSE(validate(state, assigning(state, writer, "archive")));
  revoke_slots(state, {writer});
  require_void(state, assigning(state, writer, "archive"), nothing);
}

TEST_CASE("a weaker policy is assigned with a reason, by what the subject has now") {
  State state = with_policies();
  const Violation unreasoned{65, "a weaker policy without a reason"};
  for (const Subject& subject : {Subject("laptop"), Subject(writer)}) {
    require_void(state, assigning(state, subject, "scratch"), unreasoned);
    REQUIRE_FALSE(validate(state, assigning(state, subject, "scratch", "small")));
    REQUIRE_FALSE(validate(state, assigning(state, subject, "archive")));
  }
  commit(state, assigning(state, writer, "archive"));
  add_snapshot(state, writer, 1, "laptop");
  require_void(state, assigning(state, "laptop", "default"), unreasoned);
  REQUIRE_FALSE(validate(state, assigning(state, "desk", "default")));
  require_void(state, assigning(state, writer, ""), unreasoned);
  commit(state, assigning(state, "laptop", "archive"));
  REQUIRE_FALSE(validate(state, assigning(state, "laptop", "")));
}

TEST_CASE("an assignment that has to wait finds room among the proposals") {
  State state = with_policies();
  state.proposals.resize(proposals_max);
  require_void(state, assigning(state, "laptop", "vault"), {90, "more proposals than may wait"});
  REQUIRE_FALSE(validate(state, assigning(state, "laptop", "archive")));
  state.proposals.pop_back();
  REQUIRE_FALSE(validate(state, assigning(state, "laptop", "vault")));
}
