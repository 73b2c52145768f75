// Acts that wait for their cooling-off, and the latch that puts them in force.
#include "engine/rules/proposals.h"

#include "tests/unit/rules/retention_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

constexpr std::int64_t latch_ms = 72 * law_hour_ms;

Policy vault(std::uint64_t minimum = 30, std::uint64_t maximum = 0) {
  return policy_of_days("vault", minimum, maximum, LockMode::compliance);
}

// Compliance is about to begin for source laptop.
State with_proposal() {
  State state = law_state();
  add_snapshot(state, writer, 1);
  set_policy(state, vault());
  assign_policy(state, "laptop", "vault");
  REQUIRE(state.proposals.size() == 1);
  return state;
}

bool has_begun(const State& state) {
  return policy_of(state, "laptop").name == "vault";
}

// Source laptop under compliance, of that policy.
State under_compliance(const Policy& policy = vault()) {
  State state = law_state();
  add_snapshot(state, writer, 1);
  set_policy(state, policy);
  assign_policy(state, "laptop", policy.name);
  pass_days(state, 4);
  REQUIRE(has_begun(state));
  return state;
}

void reset_clock(State& state, std::int64_t time_ms) {
  commit(state, entry_at(state, owner, ClockReset{"a test"}, time_ms));
}

}  // namespace

TEST_CASE("compliance begins once one slot has seen 72 hours go by, to the millisecond") {
  State state = with_proposal();
  const std::int64_t seen_ms = state.last_ms + 5'000;
  add_time(state, writer, seen_ms);
  add_time(state, writer, seen_ms + latch_ms - 1);
  REQUIRE_FALSE(has_begun(state));
  REQUIRE(lock_of(state, 1) == LockMode::governance);
  add_time(state, writer, seen_ms + latch_ms);
  REQUIRE(has_begun(state));
  REQUIRE(state.proposals.empty());
  REQUIRE(lock_of(state, 1) == LockMode::compliance);
  REQUIRE(minimum_days(state, 1) == 30);
}

TEST_CASE("what two slots have seen does not add up") {
  State state = with_proposal();
  const std::int64_t seen_ms = state.last_ms;
  add_time(state, writer, seen_ms);
  add_time(state, second_writer, seen_ms + latch_ms);
  REQUIRE_FALSE(has_begun(state));
  add_time(state, reader, seen_ms + latch_ms);
  REQUIRE_FALSE(has_begun(state));
  add_time(state, second_writer, seen_ms + 2 * latch_ms);
  REQUIRE(has_begun(state));
}

TEST_CASE("the proposer's own clock says nothing where another slot has written") {
  State state = with_proposal();
  for (std::int64_t i = 0; i < 5; ++i) {
    add_time(state, owner, state.last_ms + latch_ms);
  }
  REQUIRE_FALSE(has_begun(state));
  pass_days(state, 3);
  REQUIRE(has_begun(state));
}

TEST_CASE("where no other slot has ever written the proposer's own clock is enough") {
  State state = law_state();
  set_policy(state, vault());
  assign_policy(state, "laptop", "vault");
  REQUIRE_FALSE(state.proposals.front().needs_other);
  const std::int64_t seen_ms = state.last_ms + 1;
  add_time(state, owner, seen_ms);
  add_time(state, owner, seen_ms + latch_ms - 1);
  REQUIRE_FALSE(has_begun(state));
  add_time(state, owner, seen_ms + latch_ms);
  REQUIRE(has_begun(state));
}

TEST_CASE("a slot that wrote and was revoked is no other slot that has written") {
  State state = law_state();
  add_snapshot(state, writer, 1, "desk");
  revoke_slots(state, {writer});
  set_policy(state, vault());
  assign_policy(state, "laptop", "vault");
  REQUIRE_FALSE(state.proposals.front().needs_other);
}

TEST_CASE("a slot that was added after the proposal sees nothing go by") {
  State state = with_proposal();
  const auto late = sample_id<SlotId>(130);
  add_act(state, owner, slot(late, owner_capabilities));
  add_time(state, late, state.last_ms);
  add_time(state, late, state.last_ms + 10 * latch_ms);
  REQUIRE_FALSE(has_begun(state));
}

TEST_CASE("a time that its author doubts neither begins a cooling-off nor ends one") {
  State state = with_proposal();
  const std::int64_t seen_ms = state.last_ms;
  const auto doubt_at = [&](std::int64_t time_ms) {
    commit(state, doubted(entry_at(state, writer, StateRemade{sample_id<ClientId>(3)}, time_ms)));
  };
  doubt_at(seen_ms);
  add_time(state, writer, seen_ms + latch_ms);
  REQUIRE_FALSE(has_begun(state));
  doubt_at(seen_ms + 3 * latch_ms);
  REQUIRE_FALSE(has_begun(state));
  add_time(state, writer, seen_ms + 2 * latch_ms);
  REQUIRE(has_begun(state));
}

TEST_CASE("the longer cooling-off of the former and the latter policy counts") {
  for (const bool is_former : {false, true}) {
    State state = law_state();
    add_snapshot(state, writer, 1);
    Policy former = sample_genesis().policy;
    Policy latter = vault();
    (is_former ? former : latter).cooling_off_seconds = 30 * law_day;
    set_policy(state, former);
    set_policy(state, latter);
    assign_policy(state, "laptop", "vault");
    pass_days(state, 29);
    REQUIRE_FALSE(has_begun(state));
    pass_days(state, 30);
    REQUIRE(has_begun(state));
  }
}

TEST_CASE("no policy makes a cooling-off shorter than 72 hours") {
  State state = law_state();
  Policy hasty = sample_genesis().policy;
  hasty.cooling_off_seconds = 0;
  set_policy(state, hasty);
  hasty.lock = LockMode::compliance;
  REQUIRE(cooling_off_of(state, PolicySet{.policy = hasty, .reason = ""}) == 72ULL * 3'600);
}

TEST_CASE("what is cancelled does not come into force") {
  State state = with_proposal();
  add_time(state, writer, state.last_ms);
  add_act(state, owner,
          ProposalCancelled{.sequence = state.proposals.front().sequence, .reason = ""});
  pass_days(state, 30);
  REQUIRE_FALSE(has_begun(state));
}

TEST_CASE("an act about the same source takes a proposal's place, and its time begins anew") {
  State state = with_proposal();
  const std::int64_t seen_ms = state.last_ms;
  add_time(state, writer, seen_ms);
  assign_policy(state, "laptop", "vault");
  REQUIRE(state.proposals.size() == 1);
  add_time(state, writer, seen_ms + latch_ms);
  REQUIRE_FALSE(has_begun(state));
  assign_policy(state, "laptop", "default");
  REQUIRE(state.proposals.empty());
  pass_days(state, 30);
  REQUIRE_FALSE(has_begun(state));
}

TEST_CASE("a policy that is set takes the place of what is proposed about that policy") {
  State state = under_compliance();
  set_policy(state, vault(10));
  add_time(state, writer, state.last_ms);
  set_policy(state, vault(20));
  REQUIRE(state.proposals.size() == 1);
  add_time(state, writer, state.last_ms + latch_ms);
  REQUIRE(state.policies.at("vault") == vault(30));
  set_policy(state, vault(30));  // as it is in force
  REQUIRE(state.proposals.empty());
  pass_days(state, 30);
  REQUIRE(state.policies.at("vault") == vault(30));
}

TEST_CASE("acts about other sources, slots and policies leave a proposal where it is") {
  State state = with_proposal();
  set_policy(state, policy_of_days("archive", 40));
  assign_policy(state, "desk", "archive");
  assign_policy(state, second_writer, "archive");
  add_act(state, owner, CeilingSet{.seconds = 1'000 * law_day, .reason = ""});
  REQUIRE(state.proposals.size() == 1);
  pass_days(state, 3);
  REQUIRE(has_begun(state));
}

TEST_CASE("the entry that takes a proposal back, or replaces it, does not put it in force") {
  State state = with_proposal();
  const auto second_owner = sample_id<SlotId>(140);
  State earlier = law_state();
  add_act(earlier, owner, slot(second_owner, owner_capabilities));
  add_snapshot(earlier, writer, 1);
  set_policy(earlier, vault());
  const std::uint64_t proposed = assign_policy(earlier, "laptop", "vault");
  add_time(earlier, second_owner, earlier.last_ms);
  State cancelled = earlier;
  add_act(cancelled, second_owner, ProposalCancelled{.sequence = proposed, .reason = ""},
          2 * latch_ms);
  REQUIRE_FALSE(has_begun(cancelled));
  add_act(earlier, second_owner,
          PolicyAssigned{.subject = "laptop", .policy = "default", .reason = ""}, 2 * latch_ms);
  REQUIRE_FALSE(has_begun(earlier));
  REQUIRE(earlier.proposals.empty());
}

TEST_CASE("a clock reset takes back the times of the future that slots have seen") {
  State state = with_proposal();
  const std::int64_t now_ms = state.last_ms;
  add_time(state, writer, now_ms + 5'000 * law_day_ms);
  reset_clock(state, now_ms + 1);
  REQUIRE(state.proposals.front().seen_ms.empty());
  add_time(state, writer, now_ms + 2);
  add_time(state, writer, now_ms + latch_ms);
  REQUIRE_FALSE(has_begun(state));
  add_time(state, writer, now_ms + latch_ms + 2);
  REQUIRE(has_begun(state));
}

TEST_CASE("at the latch snapshots get the longer minimum and maximum of both, and the lock") {
  State state = law_state();
  set_policy(state, policy_of_days("archive", 60, 90));
  assign_policy(state, "laptop", "archive");
  add_snapshot(state, writer, 1);
  add_snapshot(state, writer, 2, "desk");
  set_policy(state, vault(30, 300));
  assign_policy(state, "laptop", "vault");
  add_time(state, writer, state.last_ms);
  // The entry with which it comes into force is the last one under the former policy.
  add_snapshot(state, writer, 3, "laptop", latch_ms);
  REQUIRE(has_begun(state));
  add_snapshot(state, writer, 4);
  REQUIRE(snapshot_row(state, 3).taken.policy == "archive");
  for (const std::uint8_t number : std::vector<std::uint8_t>{1, 3}) {
    REQUIRE(lock_of(state, number) == LockMode::compliance);
    REQUIRE(minimum_days(state, number) == 60);
    REQUIRE(maximum_days(state, number) == 300);
  }
  REQUIRE(lock_of(state, 2) == LockMode::governance);
  REQUIRE(minimum_days(state, 4) == 30);
}

TEST_CASE("a policy under compliance gets longer, or weaker for snapshots to come, later") {
  State state = under_compliance();
  set_policy(state, vault(60));
  REQUIRE(minimum_days(state, 1) == 30);
  pass_days(state, 3);
  REQUIRE(minimum_days(state, 1) == 60);
  std::vector<Policy> weaker{vault(30), vault(60), vault(60), vault(60)};
  weaker[1].lock = LockMode::governance;
  weaker[2].grace_seconds = 0;
  weaker[3].cooling_off_seconds = 0;
  for (const Policy& policy : weaker) {
    State next = state;
    set_policy(next, policy);
    REQUIRE(next.proposals.size() == 1);
    REQUIRE(next.policies.at("vault") == vault(60));
    pass_days(next, 3);
    REQUIRE(next.policies.at("vault") == policy);
    REQUIRE(lock_of(next, 1) == LockMode::compliance);
    REQUIRE(minimum_days(next, 1) == 60);
  }
}

TEST_CASE("a source and a slot leave compliance by an assignment that waits") {
  State state = under_compliance();
  assign_policy(state, "laptop", "default");
  assign_policy(state, writer, "vault");
  REQUIRE(state.proposals.size() == 2);
  pass_days(state, 3);
  REQUIRE(policy_of(state, "laptop").name == "default");
  REQUIRE(lock_of(state, 1) == LockMode::compliance);
  assign_policy(state, writer, "");
  REQUIRE(state.proposals.size() == 1);
  REQUIRE(policy_of(state, "desk", writer).name == "vault");
  pass_days(state, 3);
  REQUIRE(policy_of(state, "desk", writer).name == "default");
}

TEST_CASE("a new policy is in force at once, whatever it says, and is under nothing yet") {
  State state = law_state();
  set_policy(state, vault());
  REQUIRE(state.proposals.empty());
  REQUIRE(state.policies.contains("vault"));
  add_snapshot(state, writer, 1);
  REQUIRE(lock_of(state, 1) == LockMode::governance);
}

TEST_CASE("a ceiling goes up after 72 hours, and down at once") {
  State state = law_state();
  add_snapshot(state, writer, 1);
  const std::uint64_t first = state.ceiling_seconds;
  const auto set_ceiling = [&](std::uint64_t days) {
    add_act(state, owner, CeilingSet{.seconds = days * law_day, .reason = ""});
  };
  set_ceiling(5'000);
  REQUIRE(state.ceiling_seconds == first);
  set_ceiling(1'000);
  REQUIRE(state.ceiling_seconds == 1'000 * law_day);
  REQUIRE(state.proposals.empty());
  set_ceiling(4'000);
  set_ceiling(5'000);
  REQUIRE(state.proposals.size() == 1);
  pass_days(state, 3);
  REQUIRE(state.ceiling_seconds == 5'000 * law_day);
}

TEST_CASE("proposals that come into force with one entry do so in their order") {
  State state = law_state();
  add_snapshot(state, writer, 1);
  set_policy(state, vault(30));
  const std::uint64_t slots = assign_policy(state, writer, "vault");
  const std::uint64_t default_one =
      set_policy(state, policy_of_days("default", 40, 0, LockMode::compliance));
  REQUIRE(state.proposals.front().sequence == slots);
  REQUIRE(state.proposals.back().sequence == default_one);
  add_time(state, writer, state.last_ms);
  add_time(state, writer, state.last_ms + latch_ms);
  REQUIRE(state.proposals.empty());
  // Had the default one come first the source would have been under it for a moment.
  REQUIRE(minimum_days(state, 1) == 30);
  State turned = law_state();
  add_snapshot(turned, writer, 1);
  set_policy(turned, vault(30));
  set_policy(turned, policy_of_days("default", 40, 0, LockMode::compliance));
  assign_policy(turned, writer, "vault");
  add_time(turned, writer, turned.last_ms);
  add_time(turned, writer, turned.last_ms + latch_ms);
  REQUIRE(turned.proposals.empty());
  REQUIRE(minimum_days(turned, 1) == 40);
}

TEST_CASE("a reset into the past does not make a cooling-off shorter") {
  State state = with_proposal();
  const std::int64_t now_ms = state.last_ms;
  add_time(state, writer, now_ms + 1);
  commit(state, entry_at(state, owner, ClockReset{"long ago"}, now_ms - 2 * latch_ms));
  add_time(state, writer, now_ms + 2);
  REQUIRE_FALSE(has_begun(state));
  commit(state, entry_at(state, owner, ClockReset{"1970"}, 0));
  add_time(state, owner, now_ms + 3);
  add_time(state, owner, now_ms + 3 + 2 * latch_ms);
  REQUIRE_FALSE(has_begun(state));  // the owner is still not alone
}

TEST_CASE("what a revoked slot has proposed comes to nothing") {
  State state = law_state();
  const auto rogue = sample_id<SlotId>(140);
  add_act(state, owner, slot(rogue, owner_capabilities));
  add_snapshot(state, writer, 1);
  set_policy(state, vault());
  add_act(state, rogue, PolicyAssigned{.subject = "laptop", .policy = "vault", .reason = "mine"});
  assign_policy(state, rogue, "vault");
  REQUIRE(state.proposals.size() == 2);
  EpochEnded ended = new_epoch(state);
  ended.revoked = {rogue};
  std::erase_if(ended.boxes, [&](const NamedBox& box) { return box.slot == rogue; });
  JournalEntry entry = ending(state, ended);
  entry.time_ms = state.last_ms;
  commit(state, entry);
  REQUIRE(state.proposals.empty());
}
