// What a writer's or an operator's key does against retention: docs/attacks.md 5, 13, 22.
#include <algorithm>

#include "engine/blocks/stored_snapshot.h"
#include "engine/ops/retention/expire.h"
#include "engine/ops/retention/policies.h"
#include "tests/support/attacker.h"
#include "tests/support/roles.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

constexpr std::int64_t day_of_attack_ms = 86'400'000;

// A slot that signs what it likes, and whether it counts for an honest reader.
class Forger {
 public:
  Forger(Roles& roles, Repository& evil) : roles_(roles), evil_(evil) {}

  // Whether the entry is valid.
  bool sign(Act act, std::int64_t time_ms) {
    const State& state = evil_.state();
    const JournalEntry entry{.sequence = state.next_sequence,
                             .previous = state.head,
                             .author = evil_.keyring().slot(),
                             .epoch_number = state.epoch_number,
                             .epoch = state.epoch,
                             .time_ms = time_ms,
                             .act = std::move(act)};
    forge(*roles_.store, evil_, roles_.other.random, entry);
    evil_.journal().replay();
    return std::ranges::none_of(evil_.state().incidents, [&](const Incident& incident) {
      return incident.last == entry.sequence;
    });
  }

  // A snapshot of nothing, of that source and time.
  SnapshotTaken junk(const std::string& source, std::int64_t started_ms) {
    SnapshotTaken out = snapshot_entry({}, evil_.state(), source, evil_.keyring().slot());
    out.snapshot = roles_.other.random.draw_id<SnapshotId>();
    out.started_ms = started_ms;
    return out;
  }

 private:
  Roles& roles_;
  Repository& evil_;
};

SnapshotId take_of(Roles& roles, const std::string& name) {
  roles.owner.clock.advance_ms(day_of_attack_ms);
  roles.other.clock.advance_ms(day_of_attack_ms);
  BackupOptions options;
  options.paths = {roles.source / "tree"};
  options.source = name;
  options.threads = 1;
  return kist::backup(roles.owner_repository, options).snapshot;
}

}  // namespace

TEST_CASE("a thousand snapshots that a writer makes up retire no snapshot of another's") {
  Roles roles(writer_capabilities);
  std::vector<SnapshotId> honest;
  honest.reserve(5);
  for (int i = 0; i < 5; ++i) {
    honest.push_back(take_of(roles, "desk"));
  }
  set_policy(
      roles.owner_repository, "default", [](Policy& policy) { policy.daily.count = 7; }, "");
  Repository evil = roles.open();
  Forger forger(roles, evil);
  const std::int64_t now_ms = evil.state().last_ms;
  std::size_t counted = 0;
  for (int i = 0; i < 1'000; ++i) {
    const std::string name = i % 3 == 0 ? "desk" : concat("evil ", i % 300);
    SnapshotTaken taken = forger.junk(name, now_ms - i * 3'600'000LL);
    if (i % 5 == 0) taken.minimum_seconds = 100ULL * 366 * 86'400;
    if (i % 7 == 0) taken.policy = "archive";
    counted += forger.sign(taken, now_ms + i * 60'000LL) ? 1U : 0U;
  }
  REQUIRE(counted > 300);
  roles.owner_repository.journal().replay();
  const ExpiryPlan plan = plan_expire(roles.owner_repository, {});
  for (const RetiredSnapshot& retired : plan.retirements()) {
    REQUIRE(std::ranges::find(honest, retired.snapshot) == honest.end());
  }
  for (const auto& [name, source] : roles.owner_repository.state().sources) {
    REQUIRE((name != "desk" || source.slot == roles.owner_repository.keyring().slot()));
  }
}

TEST_CASE("a slot begins 256 sources, and what a writer calls policy or minimum is void") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  Forger forger(roles, evil);
  const std::int64_t now_ms = evil.state().last_ms;
  for (int i = 0; i < 256; ++i) {
    REQUIRE(forger.sign(forger.junk(concat("name ", i), now_ms), now_ms));
  }
  REQUIRE_FALSE(forger.sign(forger.junk("one more", now_ms), now_ms));
  REQUIRE(forger.sign(forger.junk("name 7", now_ms), now_ms));
  SnapshotTaken long_lived = forger.junk("name 7", now_ms);
  long_lived.minimum_seconds = 100ULL * 366 * 86'400;
  REQUIRE_FALSE(forger.sign(long_lived, now_ms));
  REQUIRE_FALSE(forger.sign(PolicySet{}, now_ms));
  REQUIRE_FALSE(forger.sign(SnapshotsRetired{.snapshots = {{roles.first}}, .reason = ""}, now_ms));
  // A thousand void entries are one row.
  REQUIRE(evil.state().open_incidents().size() <= 5);
}

TEST_CASE("a snapshot of the year 2126 lasts its minimum and a year, not a century") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  Forger forger(roles, evil);
  const std::int64_t now_ms = evil.state().last_ms;
  const SnapshotTaken late = forger.junk("evil", now_ms);
  REQUIRE(forger.sign(late, now_ms + 36'500 * day_of_attack_ms));
  const SnapshotState& state = evil.state().snapshots.at(late.snapshot);
  REQUIRE(state.counts_from_ms <= now_ms + 366 * day_of_attack_ms);
}

TEST_CASE("an operator who stamps years ahead gets seven days, and nothing under compliance") {
  Roles roles(operator_capabilities);
  set_policy(
      roles.owner_repository, "default",
      [](Policy& policy) { policy.minimum_seconds = 20ULL * 86'400; }, "");
  const SnapshotId young = take_of(roles, "desk");
  Repository evil = roles.open();
  Forger forger(roles, evil);
  const SnapshotsRetired retire{.snapshots = {{young, RetireCause::rule}}, .reason = ""};
  const std::int64_t now_ms = evil.state().last_ms;
  REQUIRE_FALSE(forger.sign(retire, now_ms + 3650 * day_of_attack_ms));
  // A void entry moves no clock: the next has seven days again, and no more.
  REQUIRE_FALSE(forger.sign(retire, now_ms + 19 * day_of_attack_ms));
  REQUIRE_FALSE(evil.state().snapshots.at(young).is_retired());
}

TEST_CASE("under compliance an operator alone does not make time go by") {
  Roles roles(operator_capabilities);
  set_policy(
      roles.owner_repository, "locked",
      [](Policy& policy) {
        policy.minimum_seconds = 20ULL * 86'400;
        policy.lock = LockMode::compliance;
      },
      "");
  assign_policy(roles.owner_repository,
                {.subject = "desk", .policy = "locked", .reason = "the law"});
  for (int i = 0; i < 5; ++i) {
    take_of(roles, "desk");
  }
  const SnapshotId locked = take_of(roles, "desk");
  Repository evil = roles.open();
  REQUIRE(evil.state().snapshots.at(locked).taken.lock == LockMode::compliance);
  Forger forger(roles, evil);
  std::int64_t now_ms = evil.state().last_ms;
  // Entries of its own, six days apart, for half a year: each counts for governance.
  for (int i = 0; i < 30; ++i) {
    now_ms += 6 * day_of_attack_ms;
    REQUIRE(forger.sign(
        HoldPlaced{.matter = "m", .reason = "", .parts = {.sources = {"no source"}}}, now_ms));
  }
  const SnapshotsRetired retire{.snapshots = {{locked, RetireCause::rule}}, .reason = ""};
  REQUIRE_FALSE(forger.sign(retire, now_ms));
  REQUIRE_FALSE(evil.state().snapshots.at(locked).is_retired());
}
