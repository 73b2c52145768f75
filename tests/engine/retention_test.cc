// Retention from end to end: an owner, an operator or a writer, and a machine whose clock is wrong.
#include "engine/format/names.h"
#include "engine/ops/retention/expire.h"
#include "engine/ops/retention/forget.h"
#include "engine/ops/retention/holds.h"
#include "engine/ops/retention/policies.h"
#include "engine/ops/retention/sources.h"
#include "tests/support/attacker.h"
#include "tests/support/roles.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

constexpr std::int64_t one_hour_ms = 3'600'000;
constexpr std::int64_t one_day_ms = 24 * one_hour_ms;

// An owner, an operator (or a slot of another role), and snapshots a day apart.
struct Retained : Roles {
  explicit Retained(Capabilities capabilities = operator_capabilities) : Roles(capabilities) {}

  void pass_days(std::int64_t days) {
    owner.clock.advance_ms(days * one_day_ms);
    other.clock.advance_ms(days * one_day_ms);
  }

  SnapshotId take(const std::string& name = "desk") {
    pass_days(1);
    owner.clock.advance_ms(120'000);
    BackupOptions options;
    options.paths = {source / "tree"};
    options.source = name;
    options.threads = 1;
    return kist::backup(owner_repository, options).snapshot;
  }

  std::vector<SnapshotId> take_many(std::size_t count) {
    std::vector<SnapshotId> out;
    out.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      out.push_back(take());
    }
    return out;
  }

  void keep_daily(std::uint32_t count, const std::string& reason = "") {
    static_cast<void>(set_policy(
        owner_repository, "default", [&](Policy& policy) { policy.daily.count = count; }, reason));
  }

  bool is_retired(const SnapshotId& id) {
    owner_repository.journal().replay();
    return owner_repository.state().snapshots.at(id).is_retired();
  }
};

std::size_t retired_count(const ExpireResult& result) {
  return result.done.retired.size();
}

}  // namespace

TEST_CASE("expiry retires what no rule keeps, once, and what is retired can be restored") {
  Retained run;
  const std::vector<SnapshotId> taken = run.take_many(6);
  run.keep_daily(3);
  const ExpiryPlan plan = plan_expire(run.owner_repository, {});
  const std::uint64_t before = run.owner_repository.state().next_sequence;
  const ExpireResult first = expire(run.owner_repository, {});
  REQUIRE(retired_count(first) == plan.retirements().size());
  REQUIRE(first.done.retired == plan.retirements());
  REQUIRE(run.owner_repository.state().next_sequence == before + 1);
  REQUIRE(run.is_retired(taken[0]));
  REQUIRE_FALSE(run.is_retired(taken[5]));
  REQUIRE(retired_count(expire(run.owner_repository, {})) == 0);
  REQUIRE(run.owner_repository.state().next_sequence == before + 1);  // nothing done, no entry
  require_restored(run.owner, run.owner_repository, run, taken[0]);
}

TEST_CASE(
    "a snapshot that is retired is not the latest, and counts again when that is taken back") {
  Retained run;
  const std::vector<SnapshotId> taken = run.take_many(3);
  run.pass_days(2);
  REQUIRE(select(run.owner_repository, "latest@desk").snapshot->taken.snapshot == taken[2]);
  static_cast<void>(forget(run.owner_repository, {.snapshots = {taken[2]}}));
  REQUIRE(select(run.owner_repository, "latest@desk").snapshot->taken.snapshot == taken[1]);
  REQUIRE(select(run.owner_repository, hex(taken[2])).snapshot->is_retired());
  const std::int64_t until_ms = run.owner.clock.now_ms() + 30 * one_day_ms;
  unretire(run.owner_repository, {.snapshots = {taken[2]}, .keep_until_ms = until_ms});
  REQUIRE_FALSE(run.is_retired(taken[2]));
  REQUIRE(error_code([&] {
            unretire(run.owner_repository, {.snapshots = {taken[2]}, .keep_until_ms = 1});
          }) == Code::refused);
  run.keep_daily(1);
  expire(run.owner_repository, {});
  REQUIRE_FALSE(run.is_retired(taken[2]));
}

TEST_CASE("what is young, held or the last of its source is not forgotten by hand") {
  Retained run;
  const SnapshotId old = run.take();
  const SnapshotId young = run.take();
  const auto refusal = [&](const ForgetOptions& options) {
    std::string out;
    try {
      static_cast<void>(forget(run.owner_repository, options));
    } catch (const Error& error) {
      REQUIRE(error.code() == Code::refused);
      out = error.text();
    }
    return out;
  };
  REQUIRE(refusal({.snapshots = {young}}).find("--reason") != std::string::npos);
  place_hold(run.owner_repository, {.matter = "17", .parts = {.sources = {"desk"}}});
  REQUIRE(refusal({.snapshots = {old}}).find("matter 17") != std::string::npos);
  REQUIRE(refusal({.snapshots = {young}, .reason = "wrong"}).find("matter 17") !=
          std::string::npos);
  lift_hold(run.owner_repository, {.matter = "17"});
  REQUIRE(refusal({.snapshots = {old, young}, .reason = "wrong"}).find("--last-one") !=
          std::string::npos);
  REQUIRE_FALSE(run.is_retired(old));
  const ForgetResult done = forget(
      run.owner_repository, {.snapshots = {old, young}, .reason = "wrong", .may_take_last = true});
  REQUIRE(done.shortened == std::vector<SnapshotId>{young});
  REQUIRE(run.is_retired(old));
  REQUIRE(run.is_retired(young));
}

TEST_CASE("an operator retires by the rules, and neither shortens, lifts nor calls junk") {
  Retained run;
  const std::vector<SnapshotId> taken = run.take_many(4);
  Repository operators = run.open();
  run.other.clock.advance_ms(one_hour_ms);
  const auto is_refused = [&](const auto& act) { return error_code(act) == Code::refused; };
  REQUIRE(
      is_refused([&] { forget(operators, {.snapshots = {taken[3]}, .reason = "an operator's"}); }));
  REQUIRE(is_refused([&] { forget(operators, {.snapshots = {taken[0]}, .is_junk = true}); }));
  place_hold(operators, {.matter = "17", .parts = {.snapshots = {taken[0]}}});
  REQUIRE(is_refused([&] { lift_hold(operators, {.matter = "17"}); }));
  REQUIRE(is_refused([&] {
    set_policy(
        operators, "default", [](Policy& policy) { policy.daily.count = 1; }, "why not");
  }));
  REQUIRE(is_refused([&] { end_source(operators, "desk", "gone"); }));
  run.owner_repository.journal().replay();
  run.keep_daily(1);
  expire(operators, {});
  REQUIRE_FALSE(run.is_retired(taken[0]));  // held
  REQUIRE(run.is_retired(taken[1]));
  REQUIRE_FALSE(run.is_retired(taken[3]));
}

TEST_CASE("a plan is made anew when others have committed between it and its entry") {
  Retained run;
  run.take_many(5);
  run.keep_daily(2);
  Repository second = run.open();
  run.other.clock.advance_ms(one_hour_ms);
  const std::vector<RetiredSnapshot> planned = plan_expire(run.owner_repository, {}).retirements();
  REQUIRE(planned.size() > 1);
  // At the owner's first try another machine holds one of them; at the second it has retired the
  // rest.
  int tries = 0;
  const RetireResult done = retire(run.owner_repository, "", [&](const State& state) {
    ++tries;
    const SnapshotId& held = planned.front().snapshot;
    if (tries == 1) place_hold(second, {.matter = "17", .parts = {.snapshots = {held}}});
    if (tries == 2) expire(second, {});
    return plan_expiry(state, {.now_ms = run.owner.clock.now_ms(),
                               .author = run.owner_repository.keyring().slot()})
        .retirements();
  });
  REQUIRE(tries == 3);
  REQUIRE(done.entries.empty());
  REQUIRE_FALSE(run.is_retired(planned.front().snapshot));
  REQUIRE(run.is_retired(planned.back().snapshot));
  REQUIRE(run.owner_repository.state().open_incidents().empty());
}

TEST_CASE("a clock that is far off retires nothing") {
  Retained run;
  run.take_many(4);
  run.keep_daily(1);
  run.owner.clock.advance_ms(3650 * one_day_ms);
  REQUIRE(error_code([&] { plan_expire(run.owner_repository, {}); }) == Code::refused);
  REQUIRE(error_code([&] { expire(run.owner_repository, {}); }) == Code::refused);
  const auto all = run.owner_repository.state().all_snapshots();
  REQUIRE(error_code([&] {
            forget(run.owner_repository, {.snapshots = {all.front()->taken.snapshot}});
          }) == Code::refused);
  run.owner.clock.advance_ms(-3650 * one_day_ms);
  REQUIRE(retired_count(expire(run.owner_repository, {})) > 0);
}

TEST_CASE("the brake stops a plan that takes far too much, whether in one go or in many") {
  Retained run;
  std::vector<SnapshotId> taken = run.take_many(30);
  run.pass_days(8);
  taken.push_back(run.take());
  run.keep_daily(3);
  const ExpireResult stopped = expire(run.owner_repository, {});
  REQUIRE(stopped.plan.is_braked());
  REQUIRE(retired_count(stopped) == 0);
  REQUIRE_FALSE(run.is_retired(taken[0]));
  // A limit that is not reached at once is reached by several small plans.
  run.keep_daily(22);
  REQUIRE(retired_count(expire(run.owner_repository, {})) > 0);
  run.keep_daily(14);
  REQUIRE(expire(run.owner_repository, {}).plan.is_braked());
  run.keep_daily(3);
  const ExpireResult lifted = expire(run.owner_repository, {.brake_percent = 100});
  REQUIRE_FALSE(lifted.plan.is_braked());
  REQUIRE(run.is_retired(taken[0]));
}

TEST_CASE("compliance can be taken back in its cooling-off, and by nobody after it") {
  Retained run;
  const std::vector<SnapshotId> taken = run.take_many(3);
  const auto lock = [&] {
    return set_policy(
        run.owner_repository, "default",
        [](Policy& policy) {
          policy.lock = LockMode::compliance;
          policy.minimum_seconds = 40ULL * 86'400;
        },
        "the law");
  };
  const PolicyChange first = lock();
  REQUIRE(first.is_proposed);
  cancel_proposal(run.owner_repository, first.sequence, "a mistake");
  REQUIRE(error_code([&] { cancel_proposal(run.owner_repository, first.sequence, "again"); }) ==
          Code::refused);
  REQUIRE(lock().is_proposed);
  run.take_many(4);  // the owner's own clock: no other slot has written anything
  REQUIRE(find_policy(run.owner_repository, "default").policy.lock == LockMode::compliance);
  const auto forget_first = [&] {
    forget(run.owner_repository, {.snapshots = {taken[0]}, .reason = "an owner's"});
  };
  REQUIRE(error_code(forget_first) == Code::refused);
  const auto weaken = [](Policy& policy) { policy.minimum_seconds = 86'400; };
  REQUIRE(error_code([&] { set_policy(run.owner_repository, "default", weaken, ""); }) ==
          Code::refused);
  REQUIRE(set_policy(run.owner_repository, "default", weaken, "too long").is_proposed);
  run.take_many(5);
  REQUIRE(error_code(forget_first) == Code::refused);  // what exists stays locked
  REQUIRE(run.owner_repository.state().snapshots.at(run.take()).taken.minimum_seconds == 86'400);
}

TEST_CASE("no policy keeps longer than the ceiling, and raising that takes time") {
  Retained run;
  const auto hundred_years = [](Policy& policy) { policy.minimum_seconds = 100ULL * 366 * 86'400; };
  REQUIRE(error_code([&] { set_policy(run.owner_repository, "default", hundred_years, ""); }) ==
          Code::refused);
  REQUIRE(set_ceiling(run.owner_repository, 200ULL * 366 * 86'400, "pensions").is_proposed);
  REQUIRE(error_code([&] { set_policy(run.owner_repository, "default", hundred_years, ""); }) ==
          Code::refused);
  run.take_many(5);
  REQUIRE_FALSE(set_policy(run.owner_repository, "default", hundred_years, "").is_proposed);
}

TEST_CASE("a damaged snapshot pushes no whole one out, and is not the last that stays") {
  Retained run;
  const SnapshotId whole = run.take("notes");
  run.owner.clock.advance_ms(2 * one_hour_ms);
  BackupOptions options;
  options.paths = {run.source / "tree"};
  options.source = "notes";
  const SnapshotId damaged = kist::backup(run.owner_repository, options).snapshot;
  run.pass_days(3);
  const State& state = run.owner_repository.state();
  take_away(*run.store, reference_set_path(state.snapshots.at(damaged).set.hash));
  REQUIRE(error_code([&] {
            static_cast<void>(forget(run.owner_repository, {.snapshots = {whole}}));
          }) == Code::refused);
  ForgetRules rules;
  rules.groups = {{whole, "notes"}, {damaged, "notes"}};
  rules.set_rules = [](Policy& policy) { policy.daily.count = 1; };
  for (const RetiredSnapshot& each : plan_forget(run.owner_repository, rules).retirements()) {
    REQUIRE(each.snapshot != whole);
  }
  static_cast<void>(forget(run.owner_repository, rules, ""));
  REQUIRE_FALSE(run.is_retired(whole));
}
