// Reference sets are compared with the manifests of their snapshots: what is right is vouched for
// in the journal, what is not is replaced.
#include <algorithm>
#include <fstream>
#include <set>

#include "engine/format/names.h"
#include "tests/support/attacker.h"
#include "tests/support/damaged_laptop.h"
#include "tests/support/forged_file.h"
#include "tests/support/held_store.h"
#include "tests/support/roles.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

VerifyReport judge(Repository& repository, bool repairs = false, bool is_dry_run = false) {
  repository.journal().replay();
  return verify(
      repository,
      {.level = VerifyLevel::content, .threads = 2, .repairs = repairs, .is_dry_run = is_dry_run});
}

SetState set_of(const Repository& repository, const SnapshotId& snapshot) {
  return repository.state().snapshots.at(snapshot).set;
}

SetProof proof_of(const Repository& repository, const SnapshotId& snapshot) {
  return repository.state().proof_by(set_of(repository, snapshot).proved_by);
}

// Notes which anchors are put.
class NotingStore final : public ForwardingStore {
 public:
  NotingStore(Store& store, std::set<std::string>& anchors)
      : ForwardingStore(store), anchors_(anchors) {}

  void put(const std::string& name, View bytes) override {
    if (name.starts_with("anchors/")) anchors_.insert(name);
    ForwardingStore::put(name, bytes);
  }

  bool put_if_absent(const std::string& name, View bytes) override {
    if (name.starts_with("anchors/")) anchors_.insert(name);
    return ForwardingStore::put_if_absent(name, bytes);
  }

 private:
  std::set<std::string>& anchors_;
};

// Each set that was replaced is an incident.
bool tells_of_incidents_only(const VerifyReport& report) {
  return std::ranges::all_of(report.notes, [](const VerifyNote& note) {
    return note.text.starts_with("an incident is open: reference sets");
  });
}

// A writer that signs what it likes, and an owner.
struct Forged : Roles {
  Forged() : Roles(writer_capabilities) {}

  // The set names only the writer's own copy of the block, which is junk; the owner has a whole
  // one.
  SnapshotId name_junk() {
    Repository evil = open();
    const Bytes block = random_bytes(content, 5'000);
    const SnapshotId out =
        commit_file(evil, other, block, [&](BlockWriter& writer, const BlockId& id) {
          writer.refer(writer.add(PackKind::data, id, Bytes(block.size(), 0x66)));
        });
    write_file(source / "tree/file", block);
    owner_repository.journal().replay();
    owner.backup(owner_repository, source / "tree");
    return out;
  }

  // The set names the block, and one more.
  SnapshotId name_more() {
    Repository evil = open();
    const Bytes block = random_bytes(content, 5'000);
    write_file(source / "tree/file", block);
    return commit_file(evil, other, block, [&](BlockWriter& writer, const BlockId& id) {
      const Bytes more = random_bytes(content, 5'000);
      const BlockId other_id = hash_block(evil.write_keys().id_key(), more);
      writer.refer(writer.add(PackKind::data, other_id, more));
      writer.refer(writer.add(PackKind::data, id, block));
    });
  }

  // The set names none of the file's blocks, which are stored.
  SnapshotId name_too_little() {
    Repository evil = open();
    const Bytes block = random_bytes(content, 5'000);
    write_file(source / "tree/file", block);
    return commit_file(evil, other, block, [&](BlockWriter& writer, const BlockId& id) {
      static_cast<void>(writer.add(PackKind::data, id, block));
    });
  }

  // The set names the block, and a number that no block has: one that is reserved, or not yet.
  SnapshotId name_what_never_was(bool is_reserved) {
    Repository evil = open();
    const Bytes block = random_bytes(content, 5'000);
    write_file(source / "tree/file", block);
    const std::uint64_t next = evil.state().next_number;
    return commit_file(evil, other, block, [&](BlockWriter& writer, const BlockId& id) {
      writer.refer(writer.add(PackKind::data, id, block));
      writer.refer({NumberBase::absolute, is_reserved ? next - 1 : next + 1'000'000, 1});
    });
  }

  ReferenceSet set_object(const SnapshotId& snapshot) const {
    return get_reference_set(owner_repository.journal(),
                             owner_repository.state().snapshots.at(snapshot));
  }

  // The snapshot of the forged file is whole, on this machine and on one that was never here.
  void require_right(const SnapshotId& snapshot) {
    const VerifyReport report = judge(owner_repository);
    INFO(findings_of(report));
    REQUIRE(report.findings.empty());
    REQUIRE(tells_of_incidents_only(report));
    REQUIRE(report.hurt_count == 0);
    Machine fresh(store, 3);
    Repository repository = fresh.open();
    require_sound(repository);
    const TemporaryDirectory target;
    RestoreOptions options;
    options.snapshot = snapshot;
    options.target = target / "out";
    REQUIRE(kist::restore(repository, options).problems == 0);
    REQUIRE(slurp(target / "out/file") == slurp(source / "tree/file"));
  }
};

}  // namespace

TEST_CASE("each set is vouched for once, by who reads and again by who maintains") {
  Roles roles(reader_capabilities);
  roles.owner.backup(roles.owner_repository, roles.source / "tree");
  Repository reader = roles.open();
  const auto proof = [&] {
    roles.owner_repository.journal().replay();
    return proof_of(roles.owner_repository, roles.first);
  };
  REQUIRE(judge(reader).sets_proved == 2);
  REQUIRE(proof() == SetProof::by_read);
  REQUIRE(judge(reader).sets_proved == 0);
  REQUIRE(judge(roles.owner_repository).sets_proved == 2);
  REQUIRE(proof() == SetProof::by_maintain);
  const std::uint64_t entries = roles.owner_repository.state().next_sequence;
  REQUIRE(judge(roles.owner_repository).sets_proved == 0);
  REQUIRE(judge(reader).sets_proved == 0);
  REQUIRE(judge(roles.owner_repository, true).sets_proved == 0);
  REQUIRE(roles.owner_repository.state().next_sequence == entries);
}

// The index gives the number of the junk to the whole copy.
TEST_CASE("a set that names a copy that is junk is right once the index was repaired") {
  Forged forged;
  const SnapshotId snapshot = forged.name_junk();
  const VerifyReport before = judge(forged.owner_repository);
  REQUIRE(before.restorable_count == 1);
  REQUIRE(proof_of(forged.owner_repository, snapshot) == SetProof::none);
  const SetState former = set_of(forged.owner_repository, snapshot);

  const VerifyReport dry = judge(forged.owner_repository, true, true);
  REQUIRE(dry.hurt_count == 0);
  REQUIRE(std::ranges::any_of(dry.findings, [&](const Finding& finding) {
    return finding.object == concat("snapshot ", hex(snapshot)) && finding.remedy == Remedy::heal;
  }));
  REQUIRE(set_of(forged.owner_repository, snapshot) == former);

  const VerifyReport report = judge(forged.owner_repository, true);
  REQUIRE(report.hurt_count == 0);
  const SetState set = set_of(forged.owner_repository, snapshot);
  REQUIRE(set.hash == former.hash);
  REQUIRE(proof_of(forged.owner_repository, snapshot) == SetProof::by_maintain);
  rotate(forged);
  Repository second = forged.open();  // a writer follows the epoch, too
  REQUIRE(set_of(second, snapshot) == set);
  const VerifyReport after = judge(forged.owner_repository);
  REQUIRE(after.hurt_count == 0);
}

TEST_CASE("a set that names more than its snapshot needs is told of, and replaced by a repair") {
  Forged forged;
  const SnapshotId snapshot = forged.name_more();
  const VerifyReport before = judge(forged.owner_repository);
  REQUIRE(before.findings.empty());
  REQUIRE(before.notes.size() == 1);
  REQUIRE(before.notes.front().text.find("1 block that it does not need") != std::string::npos);
  REQUIRE(proof_of(forged.owner_repository, snapshot) == SetProof::none);
  const ReferenceSet former = forged.set_object(snapshot);
  const VerifyReport report = judge(forged.owner_repository, true);
  INFO(findings_of(report));
  REQUIRE(report.findings.size() == 1);
  REQUIRE(report.healed == 1);
  const ReferenceSet proper = forged.set_object(snapshot);
  REQUIRE(proper.relative.count() + 1 == former.relative.count());
  REQUIRE(proper.statistics == former.statistics);
  forged.require_right(snapshot);
  rotate(forged);
  forged.require_right(snapshot);
  revoke(forged);
  forged.require_right(snapshot);
}

TEST_CASE("a set that names too little is found, vouched for by nobody, and replaced by a repair") {
  Forged forged;
  const SnapshotId snapshot = forged.name_too_little();
  const VerifyReport before = judge(forged.owner_repository);
  REQUIRE(before.hurt_count == 1);
  REQUIRE(before.hurt.front().path == "file");
  REQUIRE(before.hurt.front().is_restorable);
  REQUIRE(findings_of(before).find("is not in the reference set") != std::string::npos);
  REQUIRE(before.sets_proved == 1);  // the owner's
  REQUIRE(proof_of(forged.owner_repository, snapshot) == SetProof::none);
  REQUIRE(judge(forged.owner_repository, true).hurt_count == 0);
  REQUIRE(proof_of(forged.owner_repository, snapshot) == SetProof::by_maintain);
  forged.require_right(snapshot);
}

TEST_CASE("a set that names a block which never was is told of, and replaced by a repair") {
  Forged forged;
  const SnapshotId snapshot = forged.name_what_never_was(true);
  const VerifyReport before = judge(forged.owner_repository);
  REQUIRE(before.notes.size() == 1);
  REQUIRE(before.notes.front().text.find("1 block that it does not need") != std::string::npos);
  REQUIRE(before.sets_proved == 1);  // the owner's
  REQUIRE(proof_of(forged.owner_repository, snapshot) == SetProof::none);
  REQUIRE(judge(forged.owner_repository, true).healed == 1);
  REQUIRE(forged.set_object(snapshot).absolute.count() == 0);
  forged.require_right(snapshot);
}

TEST_CASE(
    "a set that names a number which no entry has reserved is found, and replaced by a repair") {
  Forged forged;
  const SnapshotId snapshot = forged.name_what_never_was(false);
  const VerifyReport before = judge(forged.owner_repository);
  INFO(findings_of(before));
  REQUIRE(before.findings.size() == 1);
  REQUIRE(before.findings.front().object == concat("snapshot ", hex(snapshot)));
  REQUIRE(before.findings.front().kind == FindingKind::invalid);
  REQUIRE(proof_of(forged.owner_repository, snapshot) == SetProof::none);
  const VerifyReport report = judge(forged.owner_repository, true);
  REQUIRE(report.healed == report.findings.size());
  forged.require_right(snapshot);
}

TEST_CASE(
    "a set that is lost is made anew from the manifest, and so is one that replaced another") {
  Forged forged;
  const SnapshotId snapshot = GENERATE(true, false) ? forged.name_more() : forged.name_junk();
  judge(forged.owner_repository, true);
  for (int i = 0; i < 2; ++i) {
    const SetState lost = set_of(forged.owner_repository, snapshot);
    take_away(*forged.store, reference_set_path(lost.hash));
    const VerifyReport found = judge(forged.owner_repository);
    REQUIRE(std::ranges::any_of(found.findings, [&](const Finding& finding) {
      return finding.object == reference_set_path(lost.hash) && finding.kind == FindingKind::absent;
    }));
    const VerifyReport report = judge(forged.owner_repository, true);
    INFO(findings_of(report));
    REQUIRE(report.healed == report.findings.size());
    const SnapshotStatistics made = forged.set_object(snapshot).statistics;
    REQUIRE(made.files() == 1);
    REQUIRE(made.directories == 1);
    REQUIRE(made.bytes_total == 5'000);
    forged.require_right(snapshot);
    rotate(forged);
    forged.require_right(snapshot);
  }
}

TEST_CASE(
    "lost keys of sets that replaced others keep no epoch from ending once these are mended") {
  Forged forged;
  const SnapshotId snapshot = forged.name_more();
  add_slot(forged.owner_repository, Machine::credential(11), argon2_floor, "keeper",
           can_read | can_audit | can_maintain);
  Machine machine(forged.store, 7);
  Repository keeper = machine.open(11);
  judge(keeper, true);
  const SetState set = set_of(keeper, snapshot);
  take_away(*forged.store, key_segment_path(set.key_segments.front()));
  forged.owner_repository.journal().replay();
  REQUIRE(error_code([&] { rotate(forged); }) == Code::corrupt);
  if (GENERATE(true, false)) {
    // Who made them is revoked: nobody waits for its objects.
    REQUIRE(revoke(forged, "keeper").dropped.size() == 1);
    REQUIRE(proof_of(forged.owner_repository, snapshot) == SetProof::none);
  }
  const VerifyReport report = judge(forged.owner_repository, true);
  INFO(findings_of(report));
  REQUIRE(report.hurt_count == 0);
  REQUIRE(set_of(forged.owner_repository, snapshot).hash != set.hash);
  rotate(forged);
  forged.require_right(snapshot);
}

TEST_CASE(
    "two repairs at once replace a set once, and the one that was slower says nothing false") {
  Forged forged;
  const SnapshotId snapshot = forged.name_more();
  judge(forged.owner_repository);
  Machine quick_machine(forged.store, 7);
  Repository quick = quick_machine.open();
  const auto watched = std::make_shared<WatchedStore>(*forged.store, "refs/", [&] {
    const VerifyReport report = judge(quick, true);
    REQUIRE(report.healed == 1);
  });
  Machine slow_machine(watched, 8);
  Repository slow = slow_machine.open();
  const VerifyReport report = judge(slow, true);
  INFO(findings_of(report));
  REQUIRE(report.findings.size() == 1);
  REQUIRE(report.healed == 1);
  REQUIRE(report.hurt_count == 0);
  REQUIRE(slow_machine.observer.notices.empty());
  slow.journal().replay();
  quick.journal().replay();
  REQUIRE(set_of(slow, snapshot) == set_of(quick, snapshot));
  forged.owner_repository.journal().replay();
  forged.require_right(snapshot);
}

TEST_CASE(
    "an epoch's end goes on over proofs of sets, and is drawn anew over one that is replaced") {
  Forged forged;
  const bool is_replaced = GENERATE(false, true);
  const SnapshotId snapshot = forged.name_more();
  if (is_replaced) judge(forged.owner_repository);
  Machine other_machine(forged.store, 7);
  Repository other = other_machine.open();
  const auto watched =
      std::make_shared<WatchedStore>(*forged.store, "epochs/", [&] { judge(other, is_replaced); });
  std::set<std::string> anchors;
  const auto counted = std::make_shared<NotingStore>(*watched, anchors);
  Machine counted_machine(counted, 9);
  Repository ender = counted_machine.open();
  end_epoch(ender, {});
  REQUIRE(anchors.size() == (is_replaced ? 8 : 4));
  forged.owner_repository.journal().replay();
  REQUIRE(proof_of(forged.owner_repository, forged.first) == SetProof::by_maintain);
  REQUIRE((set_of(forged.owner_repository, snapshot).author == other.keyring().slot()) ==
          is_replaced);
  if (!is_replaced) judge(forged.owner_repository, true);
  forged.require_right(snapshot);
}

TEST_CASE("hard links, attributes, holes and many pieces make no set another than its manifest") {
  Roles roles(writer_capabilities);
  const std::string tree = roles.source / "tree";
  write_file(tree + "/large", random_bytes(roles.content, 6'000'000));
  std::filesystem::create_hard_link(tree + "/large", tree + "/other name");
  write_file(tree + "/again", slurp(tree + "/large"));
  std::ofstream sparse(tree + "/sparse");
  for (int i = 0; i < 100; ++i) {
    sparse.seekp(std::streamoff{i} * 65'536);
    sparse << "piece " << i;
  }
  sparse.close();
  age_tree(tree);
  const SnapshotId snapshot =
      roles.owner.backup(roles.owner_repository, roles.source / "tree").snapshot;
  const VerifyReport report = judge(roles.owner_repository);
  REQUIRE(report.findings.empty());
  REQUIRE(report.notes.empty());
  REQUIRE(report.sets_proved == 2);
  REQUIRE(proof_of(roles.owner_repository, snapshot) == SetProof::by_maintain);
}

TEST_CASE("where a block is lost nothing is said of what a set does not need") {
  DamagedLaptop run;
  run.store->remove(run.packs().front());
  const VerifyReport report = run.verify_as_owner();
  REQUIRE(report.hurt_count > 0);
  REQUIRE(report.notes.empty());
  REQUIRE(proof_of(run.owner_repository, run.before) == SetProof::none);
}

TEST_CASE("a snapshot that was given up with its slot for a lost set is mended by a repair") {
  Forged forged;
  const SnapshotId snapshot = forged.name_more();
  take_away(*forged.store, reference_set_path(set_of(forged.open(), snapshot).hash));
  REQUIRE(revoke(forged).given_up == std::vector{snapshot});
  REQUIRE(judge(forged.owner_repository).findings.empty());
  const VerifyReport report = judge(forged.owner_repository, true);
  INFO(findings_of(report));
  REQUIRE(report.healed == report.findings.size());
  REQUIRE_FALSE(report.findings.empty());
  forged.require_right(snapshot);
}

TEST_CASE("where a set and a block are lost, it is told which paths are") {
  DamagedLaptop run;
  run.owner_repository.journal().replay();
  take_away(*run.store, reference_set_path(set_of(run.owner_repository, run.before).hash));
  run.store->remove(run.packs().front());
  for (const bool repairs : {false, true}) {
    const VerifyReport report = judge(run.owner_repository, repairs);
    REQUIRE(DamagedLaptop::hurt(report, run.before, true) > 0);
    REQUIRE(report.restorable_count == 0);
  }
}

TEST_CASE("what was given up with an index segment is found again once it is stored again") {
  DamagedLaptop run;
  Repository laptop = run.open();
  laptop.blocks().index();
  const SnapshotState before = run.owner_repository.journal().replay().broken
                                   ? SnapshotState()
                                   : run.owner_repository.state().snapshots.at(run.before);
  for (const SegmentIntroduction& segment : before.taken.segments) {
    if (segment.stream == PackKind::data) {
      take_away(*run.store, index_segment_path(segment.index_segment));
    }
  }
  run.store->remove(run.packs().front());
  std::filesystem::remove_all(run.owner.state.path());  // nobody knows what it said
  run.owner_repository = run.owner.open();
  const VerifyReport given_up = verify(
      run.owner_repository,
      {.level = VerifyLevel::content, .threads = 2, .repairs = true, .drops_unreadable = true});
  REQUIRE(given_up.given_up == 1);
  REQUIRE(DamagedLaptop::hurt(given_up, run.before, true) > 0);
  const SnapshotId again = run.backup(laptop).snapshot;
  const VerifyReport at_risk = run.verify_as_owner();
  REQUIRE(DamagedLaptop::hurt(at_risk, run.before, false) == 6);
  REQUIRE(DamagedLaptop::hurt(at_risk, run.before, true) == 0);

  const VerifyReport report = judge(run.owner_repository, true);
  INFO(findings_of(report));
  REQUIRE(report.hurt_count == 0);
  for (int i = 0; i < 2; ++i) {
    const VerifyReport next = run.verify_as_owner();
    REQUIRE(next.findings.empty());
    REQUIRE(next.hurt_count == 0);
    run.require_whole(run.before);
    run.require_whole(again);
    rotate(run);
  }
}

TEST_CASE("a repair that replaces a set and is stopped anywhere leaves the former or the new one") {
  Forged forged;
  const SnapshotId snapshot = forged.name_more();
  judge(forged.owner_repository);  // what it vouches for is no change of the repair's
  const auto objects = forged.store->objects();
  for (std::uint64_t at = 0;; ++at) {
    auto store = std::make_shared<MemoryStore>();
    for (const auto& [path, bytes] : objects) {
      store->put(path, bytes);
    }
    auto held = std::make_shared<HeldStore>(*store);
    Machine machine(held, 5);
    Repository repository = machine.open();
    held->hold(at, true, [] {});
    const bool is_cut_off = [&] {
      try {
        judge(repository, true);
        return false;
      } catch (const CutOff&) {
        return true;
      }
    }();
    Machine next(store, 6);
    Repository after = next.open();
    const VerifyReport found = judge(after);
    REQUIRE(found.hurt_count == 0);
    const VerifyReport report = judge(after, true);
    REQUIRE(report.healed == report.findings.size());
    REQUIRE(proof_of(after, snapshot) == SetProof::by_maintain);
    REQUIRE(tells_of_incidents_only(judge(after)));
    if (is_cut_off) continue;
    REQUIRE(at > 4);
    break;
  }
}
