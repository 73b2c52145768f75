// The retention that a snapshot's entry takes over from the policy in force.
#include "engine/rules/policy.h"

#include "tests/unit/rules/rules_fixture.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a snapshot with the retention of the policy in force is valid, whatever the policy") {
  State state;
  Genesis genesis = sample_genesis();
  genesis.policy.name = "archive";
  genesis.policy.minimum_seconds = 11;
  genesis.policy.maximum_seconds = 12;
  genesis.policy.lock = LockMode::compliance;
  commit(state, next_entry(state, owner, genesis));
  REQUIRE(default_policy(state) == genesis.policy);
  SnapshotTaken taken = snapshot(1);
  REQUIRE_FALSE(has_retention_of(taken, genesis.policy));
  fix_retention(taken, default_policy(state));
  REQUIRE(taken.policy == "archive");
  REQUIRE(has_retention_of(taken, genesis.policy));
  commit(state, next_entry(state, owner, taken));
}
