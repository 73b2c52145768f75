// What a verify says of snapshots that do not open: damage, what was never put, and nonsense; and
// that a slot's revocation ends its nonsense and nothing else.
#include "engine/ops/verify/snapshot_checker.h"

#include <algorithm>

#include "engine/format/names.h"
#include "engine/store/twins.h"
#include "tests/support/attacker.h"
#include "tests/support/roles.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

// An owner's machine, and a laptop whose writer's key somebody else has.
struct Checked : Roles {
  Checked() : Roles(writer_capabilities) {}

  VerifyReport check(VerifyLevel level = VerifyLevel::structure) {
    owner_repository.journal().replay();
    return verify(owner_repository, {.level = level});
  }

  // At each of the levels, and on a fresh machine too, nothing is found, and that object is noted.
  void require_clean_but_for_note(const std::string& object,
                                  const std::vector<VerifyLevel>& levels = {VerifyLevel::structure,
                                                                            VerifyLevel::storage,
                                                                            VerifyLevel::content}) {
    Machine fresh(store, 5);
    Repository there = fresh.open();
    for (const VerifyLevel level : levels) {
      for (const VerifyReport& report : {check(level), verify(there, {.level = level})}) {
        REQUIRE(findings_of(report).empty());
        REQUIRE(std::ranges::count(report.notes, object, &VerifyNote::object) == 1);
      }
    }
  }

  [[nodiscard]] SnapshotState newest() {
    owner_repository.journal().replay();
    return *owner_repository.state().live_snapshots().back();
  }

  void lose(const std::string& path) {
    for (const std::string& copy : copies_of(path)) {
      store->remove(copy);
    }
  }

  Repository evil = open();
};

std::size_t count_of(const VerifyReport& report, FindingKind kind) {
  return static_cast<std::size_t>(std::ranges::count(report.findings, kind, &Finding::kind));
}

std::string name_of(const SnapshotId& id) {
  return "snapshot " + hex(id);
}

}  // namespace

TEST_CASE("what a writer named and never put is absent, not damaged, and ends with its slot") {
  for (const HollowSnapshot& hollow :
       {HollowSnapshot{.puts_keys = false, .puts_body = false, .puts_set = false},
        HollowSnapshot{.puts_keys = false}, HollowSnapshot{.puts_body = false},
        HollowSnapshot{.puts_set = false}}) {
    Checked run;
    const SnapshotId junk = commit_hollow(run.evil, run.other.random, "evil", hollow);
    const VerifyReport before = run.check();
    INFO(findings_of(before));
    REQUIRE(count_of(before, FindingKind::absent) > 0);
    REQUIRE(count_of(before, FindingKind::absent) == before.findings.size());
    revoke(run);
    run.require_clean_but_for_note(name_of(junk));
    // A routine end of the epoch does not bring it back.
    rotate(run);
    run.require_clean_but_for_note(name_of(junk));
    require_restored(run.owner, run.owner_repository, run, run.first);
  }
}

TEST_CASE("what a writer put junk for is invalid, not damaged, and ends with its slot") {
  for (const HollowSnapshot& hollow :
       {HollowSnapshot{.has_body_key = false}, HollowSnapshot{.is_body_key_right = false}}) {
    Checked run;
    const SnapshotId junk = commit_hollow(run.evil, run.other.random, "evil", hollow);
    const VerifyReport before = run.check(VerifyLevel::content);
    INFO(findings_of(before));
    REQUIRE(before.findings.size() == 1);
    REQUIRE(before.findings.front().object == name_of(junk));
    REQUIRE(before.findings.front().kind == FindingKind::invalid);
    revoke(run);
    run.require_clean_but_for_note(name_of(junk));
  }
}

TEST_CASE("index segments that a writer named and never put end with its slot") {
  Checked run;
  const auto segment = run.content.draw_id<ObjectHash>();
  commit_hollow(run.evil, run.other.random, "evil", {.segments = {{segment, PackKind::data}}});
  const VerifyReport before = run.check();
  INFO(findings_of(before));
  REQUIRE(before.findings.size() == 1);
  REQUIRE(before.findings.front().kind == FindingKind::invalid);
  revoke(run);
  // The snapshot itself opens and has no content, so that level would name what it lacks.
  run.require_clean_but_for_note(index_segment_path(segment),
                                 {VerifyLevel::structure, VerifyLevel::storage});
}

TEST_CASE("what a lost laptop has stored is missed after its revocation as before") {
  Checked run;
  run.write_news(300'000);
  run.backup(run.evil, "laptop");
  const SnapshotTaken taken = run.newest().taken;
  const std::string index = index_segment_path(taken.segments.front().index_segment);
  SECTION("damaged before the revocation") {
    for (const std::string& copy : copies_of(body_path(taken.body))) {
      flip_bit(*run.store, copy);
    }
    revoke(run);
    REQUIRE(count_of(run.check(), FindingKind::damage) > 0);
  }
  SECTION("damaged before it, and given up on an owner's word") {
    for (const std::string& copy : copies_of(body_path(taken.body))) {
      flip_bit(*run.store, copy);
    }
    run.owner_repository.journal().replay();
    const SlotId slot = slot_called(run.owner_repository.state(), "other");
    end_epoch(run.owner_repository, {.revoked = {slot}, .drops_unreadable = true});
    run.require_clean_but_for_note(name_of(taken.snapshot));
  }
  SECTION("lost after it") {
    revoke(run);
    REQUIRE(findings_of(run.check()).empty());
    run.lose(body_path(taken.body));
    REQUIRE(count_of(run.check(), FindingKind::absent) == 1);
    // A routine end of the epoch gives nothing up; an owner's word does.
    REQUIRE(rotate(run).given_up.empty());
    REQUIRE(count_of(run.check(), FindingKind::absent) == 1);
    const SnapshotId lost = taken.snapshot;
    REQUIRE(end_epoch(run.owner_repository, {.revoked = {}, .drops_unreadable = true}).given_up ==
            std::vector{lost});
    run.require_clean_but_for_note(name_of(lost));
  }
  SECTION("an index segment that snapshots need, lost before the revocation") {
    run.lose(index);
    revoke(run);
    REQUIRE(run.check().findings.size() == 1);
    REQUIRE(run.check().findings.front().object == index);
  }
}

TEST_CASE(
    "the revocation of one slot leaves the keys of others alone, though it names their objects") {
  Checked run;
  // The writer names the body and the set of the owner's snapshot, which are away for a while, and
  // says that it has keys for them.
  const SnapshotTaken taken = run.owner_repository.state().snapshots.at(run.first).taken;
  const SnapshotId claim =
      commit_hollow(run.evil, run.other.random, "evil",
                    {.puts_body = false, .puts_set = false, .of_other = taken});
  std::map<std::string, Bytes> away;
  for (const std::string& path : {body_path(taken.body), reference_set_path(taken.reference_set)}) {
    away.merge(take_away(*run.store, path));
  }
  REQUIRE(revoke(run).given_up == std::vector{claim});
  put_back(*run.store, away);
  REQUIRE(findings_of(run.check(VerifyLevel::content)).empty());
  require_restored(run.owner, run.owner_repository, run, run.first);
}

TEST_CASE("an auditor finds the same, but for a body that only a reader sees to be junk") {
  Checked run;
  add_slot(run.owner_repository, Machine::credential(10), argon2_floor, "auditor",
           auditor_capabilities);
  const SnapshotId junk =
      commit_hollow(run.evil, run.other.random, "evil", {.has_body_key = false});
  commit_hollow(run.evil, run.other.random, "evil", {.is_body_key_right = false});
  Machine far(run.store, 6);
  Repository auditor = far.open(10);
  const VerifyReport report = verify(auditor, {.level = VerifyLevel::storage});
  INFO(findings_of(report));
  REQUIRE(report.findings.size() == 1);
  REQUIRE(report.findings.front().object == name_of(junk));
  REQUIRE(report.findings.front().kind == FindingKind::invalid);
}
