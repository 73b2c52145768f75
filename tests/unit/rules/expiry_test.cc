// Plans over a whole state: each series under its own policy, the brake, and whose time counts.
#include "engine/rules/expiry.h"

#include "tests/unit/rules/rules_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

constexpr std::int64_t expiry_day_ms = 86'400'000;

// A state whose entries go on day by day.
struct Days {
  Days() { commit(state, at(owner, StateRemade{sample_id<ClientId>(3)})); }

  [[nodiscard]] JournalEntry at(const SlotId& author, Act act) const {
    JournalEntry entry = next_entry(state, author, std::move(act));
    entry.time_ms = now_ms;
    return entry;
  }

  void go_on(const JournalEntry& entry) {
    const auto violation = validate(state, entry);
    INFO((violation ? violation->reason : ""));
    REQUIRE_FALSE(violation);
    apply(state, entry, sample_hash(state.next_sequence));
  }

  void set(const std::function<void(Policy&)>& change, const std::string& name = "default") {
    Policy policy = state.policies.at("default");
    policy.name = name;
    change(policy);
    go_on(at(owner, PolicySet{policy, "a test"}));
  }

  SnapshotId take(const std::string& source, const SlotId& author = writer) {
    now_ms += expiry_day_ms;
    SnapshotTaken taken = snapshot(0, source);
    taken.snapshot.bytes[0] = static_cast<std::uint8_t>(state.next_sequence >> 8U);
    taken.snapshot.bytes[1] = static_cast<std::uint8_t>(state.next_sequence);
    taken.started_ms = now_ms;
    taken.is_suspicious = false;
    taken.lock = LockMode::governance;
    fix_retention(taken, policy_of(state, source, author));
    const JournalEntry entry = at(author, taken);
    go_on(entry);
    // Somebody who may retire sees the day.
    go_on(at(owner, StateRemade{sample_id<ClientId>(3)}));
    return taken.snapshot;
  }

  ExpiryPlan plan(unsigned brake_percent = 25) {
    return plan_expiry(state, {.now_ms = now_ms, .author = owner, .brake_percent = brake_percent});
  }

  void retire(const std::vector<RetiredSnapshot>& snapshots) {
    go_on(at(owner, SnapshotsRetired{snapshots, now_ms, ""}));
  }

  State state = small_state();
  std::int64_t now_ms = 1'700'000'000'000;
};

}  // namespace

TEST_CASE("each series is planned under the policy of its source") {
  Days run;
  run.set([](Policy& policy) { policy.daily.count = 2; });
  run.set([](Policy& policy) { policy.daily.count = 4; }, "long");
  run.go_on(run.at(owner, PolicyAssigned{"news", "long", ""}));
  for (int i = 0; i < 6; ++i) {
    run.take("desk");
    run.take("news");
  }
  const ExpiryPlan plan = run.plan();
  REQUIRE(plan.series.size() == 2);
  REQUIRE(plan.series[0].source == "desk");
  REQUIRE(plan.series[0].policy == "default");
  REQUIRE(plan.series[1].policy == "long");
  REQUIRE(plan.series[0].retirements().size() > plan.series[1].retirements().size());
  run.retire(plan.retirements());  // the law lets all of it go
  REQUIRE(run.plan().retirements().empty());
}

TEST_CASE("the brake leaves out a source whose policy takes too much, and no other") {
  Days run;
  for (int i = 0; i < 40; ++i) {
    run.take(i % 20 == 0 ? "news" : "desk");
  }
  run.now_ms += 8 * expiry_day_ms;
  run.take("desk");
  run.set([](Policy& policy) { policy.daily.count = 1; });
  const ExpiryPlan plan = run.plan();
  REQUIRE(plan.is_braked());
  for (const ExpirySeries& series : plan.series) {
    REQUIRE(series.brake.is_on() == (series.source == "desk"));
    REQUIRE(series.retirements().empty() == (series.source == "desk"));
  }
  REQUIRE_FALSE(run.plan(100).is_braked());
  REQUIRE(run.plan(100).retirements().size() > 30);
}

TEST_CASE("the ordinary course of thinning out does not meet the brake") {
  Days run;
  run.set([](Policy& policy) {
    policy.daily.count = 7;
    policy.weekly.count = 4;
    policy.monthly.count = 3;
  });
  for (int i = 0; i < 200; ++i) {
    run.take("desk");
    const ExpiryPlan plan = run.plan();
    REQUIRE_FALSE(plan.is_braked());
    if (!plan.retirements().empty()) run.retire(plan.retirements());
  }
  REQUIRE(run.plan().series.front().lines.size() < 20);
}

TEST_CASE("what is past its maximum goes although the brake is on") {
  Days run;
  run.set([](Policy& policy) { policy.maximum_seconds = 30ULL * 86'400; });
  for (int i = 0; i < 40; ++i) {
    run.take("desk");
  }
  run.set([](Policy& policy) {
    policy.maximum_seconds = 30ULL * 86'400;
    policy.daily.count = 1;
  });
  run.now_ms += 8 * expiry_day_ms;
  run.take("desk");
  const ExpiryPlan plan = run.plan();
  REQUIRE(plan.is_braked());
  const std::vector<RetiredSnapshot> retired = plan.retirements();
  REQUIRE_FALSE(retired.empty());
  for (const RetiredSnapshot& each : retired) {
    REQUIRE(each.cause == RetireCause::maximum);
  }
  run.retire(retired);
}

TEST_CASE("a plan by a clock that is ahead is made for seven days after what slots have seen") {
  Days run;
  run.set([](Policy& policy) { policy.minimum_seconds = 20ULL * 86'400; });
  run.set([](Policy& policy) {
    policy.minimum_seconds = 20ULL * 86'400;
    policy.daily.count = 1;
  });
  for (int i = 0; i < 5; ++i) {
    run.take("desk");
  }
  const std::int64_t seen_ms = run.now_ms;
  run.now_ms += 3650 * expiry_day_ms;
  const ExpiryPlan plan = run.plan();
  REQUIRE(plan.now_ms == seen_ms + 7 * expiry_day_ms);
  REQUIRE(plan.retirements().empty());
}

TEST_CASE("a pending snapshot goes when its source's grace is over, and counts for no rule") {
  Days run;
  run.set([](Policy& policy) { policy.daily.count = 1; });
  SnapshotTaken taken = pending(snapshot(200, "desk"));
  taken.started_ms = run.now_ms;
  run.go_on(run.at(writer, taken));
  run.take("desk");
  const auto line_of_pending = [&] {
    const ExpiryPlan plan = run.plan();
    return plan.series.front().lines.back();
  };
  REQUIRE(line_of_pending().snapshot == taken.snapshot);
  REQUIRE(line_of_pending().is_kept());
  run.now_ms += 7 * expiry_day_ms;
  REQUIRE_FALSE(line_of_pending().is_kept());
  run.retire({{taken.snapshot, RetireCause::rule}});
}

TEST_CASE("the tail of a source that has ended runs out as time goes by") {
  Days run;
  run.set([](Policy& policy) {
    policy.daily.count = 5;
    policy.interval = {.months = 0, .seconds = 86'400};
  });
  for (int i = 0; i < 5; ++i) {
    run.take("desk");
  }
  const auto count = [&] { return run.plan().retirements().size(); };
  REQUIRE(count() == 0);
  run.now_ms += 3 * expiry_day_ms;
  run.take("news");
  REQUIRE(count() == 0);  // nothing came: count rules let nothing go
  apply(run.state, run.at(owner, SourceBound{.source = "desk", .slot = writer, .is_ended = true}),
        sample_hash(run.state.next_sequence));
  REQUIRE(count() == 4);
  run.now_ms += 300 * expiry_day_ms;
  run.take("news");
  REQUIRE(count() == 4);  // the last whole one stays
}

TEST_CASE("what a person has let the brake pass does not hold up the days that follow") {
  Days run;
  run.set([](Policy& policy) { policy.daily.count = 90; });
  for (int i = 0; i < 60; ++i) {
    run.take("desk");
  }
  run.set([](Policy& policy) { policy.daily.count = 10; });
  REQUIRE(run.plan().is_braked());
  run.retire(run.plan(100).retirements());
  REQUIRE_FALSE(run.plan().is_braked());  // nothing is planned
  for (int i = 0; i < 5; ++i) {
    run.take("desk");
    const ExpiryPlan plan = run.plan();
    REQUIRE_FALSE(plan.is_braked());
    REQUIRE(plan.retirements().size() == 1);
    run.retire(plan.retirements());
  }
  run.take("desk");
  run.set([](Policy& policy) { policy.daily.count = 3; });
  REQUIRE(run.plan().is_braked());
}
