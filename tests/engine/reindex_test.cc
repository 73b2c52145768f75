// Repairs of the index: what a damaged pack held is found where it is stored again, and an index
// segment that is lost is made anew from its packs, or given up.
#include <algorithm>
#include <filesystem>

#include "engine/format/names.h"
#include "engine/ops/catalog/maintenance.h"
#include "tests/support/attacker.h"
#include "tests/support/damaged_laptop.h"
#include "tests/support/samples.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace fs = std::filesystem;

namespace {

struct Repaired : DamagedLaptop {
  VerifyReport repair(bool drops_unreadable = false) {
    owner_repository.journal().replay();
    return verify(owner_repository, {.level = VerifyLevel::content,
                                     .threads = 2,
                                     .repairs = true,
                                     .drops_unreadable = drops_unreadable});
  }

  // The index segments that the laptop's first backup introduced, of that stream.
  std::vector<std::string> segments(PackKind stream) {
    owner_repository.journal().replay();
    std::vector<std::string> out;
    const SnapshotState snapshot = owner_repository.state().snapshots.at(before);
    for (const SegmentIntroduction& segment : snapshot.taken.segments) {
      if (segment.stream == stream) out.push_back(index_segment_path(segment.index_segment));
    }
    return out;
  }

  // Nothing is left to be found, on any machine, and each comes to the same index.
  void require_clean() {
    const VerifyReport report = verify_as_owner();
    INFO(findings_of(report));
    REQUIRE(report.findings.empty());
    REQUIRE(report.hurt_count == 0);
    REQUIRE(check_catalog(owner_repository).empty());
    Repository laptop = open();
    REQUIRE(check_catalog(laptop).empty());
    Machine fresh(store, 3);
    Repository fresh_owner = fresh.open();
    require_sound(fresh_owner);
  }

  void require_restored_by_all(const std::vector<SnapshotId>& snapshots) {
    for (const SnapshotId& snapshot : snapshots) {
      require_whole(snapshot);
      Machine fresh(store, 4);
      Repository repository = fresh.open();
      require_restored(fresh, repository, *this, snapshot, "news0");
    }
  }

  void require_nothing_new(Repository& repository) {
    const BackupResult next = backup(repository);
    REQUIRE(next.files_opened == 0);
    REQUIRE(next.statistics.bytes_new < 10'000);  // folders above the tree may have changed
  }
};

std::ptrdiff_t names_in_findings(const VerifyReport& report, const std::string& prefix) {
  return std::ranges::count_if(
      report.findings, [&](const Finding& finding) { return finding.object.starts_with(prefix); });
}

bool are_all_healed(const VerifyReport& report) {
  INFO(findings_of(report));
  return std::ranges::all_of(report.findings, &Finding::is_healed);
}

}  // namespace

TEST_CASE("what a damaged pack held is found where another machine has stored it again") {
  Repaired run;
  const std::vector<std::string> packs = run.packs();
  const bool is_gone = GENERATE(false, true);
  for (const std::string& pack : packs) {
    if (is_gone) {
      run.store->remove(pack);
    } else {
      flip_bit(*run.store, pack);
    }
  }
  REQUIRE(run.verify_as_owner().condemned == packs.size());
  Repository laptop = run.open();
  const SnapshotId again = run.backup(laptop).snapshot;

  const VerifyReport report = run.repair();
  REQUIRE(are_all_healed(report));
  REQUIRE(report.findings.size() >= packs.size());
  REQUIRE(report.hurt_count == 0);
  REQUIRE(report.cleared == packs.size());
  REQUIRE(run.owner_repository.state().condemned_packs().empty());
  run.require_clean();
  run.require_nothing_new(laptop);
  run.require_restored_by_all({run.before, again});
  REQUIRE(rotate(run).dropped.empty());
  run.require_clean();
  run.require_nothing_new(laptop);
  run.require_restored_by_all({run.before, again});
}

TEST_CASE("a dry run says what a repair would find elsewhere, and changes nothing") {
  Repaired run;
  flip_bit(*run.store, run.packs().front());
  run.verify_as_owner();
  Repository laptop = run.open();
  run.backup(laptop);
  run.verify_as_owner();  // vouches for what the laptop has stored again
  const auto objects = run.store->objects();
  const VerifyReport report =
      verify(run.owner_repository,
             {.level = VerifyLevel::content, .threads = 2, .repairs = true, .is_dry_run = true});
  REQUIRE_FALSE(report.findings.empty());
  REQUIRE(std::ranges::all_of(report.findings, [](const Finding& finding) {
    return finding.remedy == Remedy::heal && !finding.is_healed;
  }));
  REQUIRE((run.store->objects() == objects));
}

TEST_CASE("what is stored nowhere else stays where it was, and can be found later") {
  Repaired run;
  flip_bit(*run.store, run.packs().front());
  const VerifyReport first = run.repair();
  REQUIRE_FALSE(are_all_healed(first));
  REQUIRE(first.hurt_count > 0);
  // One of the files has changed on the laptop: the pack's blocks of it are nowhere else.
  const std::string news = run.source / "tree/news3";
  const Bytes former = slurp(news);
  run.write_news(200'000, "news3");
  Repository laptop = run.open();
  const SnapshotId changed = run.backup(laptop).snapshot;
  const VerifyReport partly = run.repair();
  REQUIRE_FALSE(are_all_healed(partly));
  REQUIRE(DamagedLaptop::hurt(partly, run.before, true) == 1);
  REQUIRE(DamagedLaptop::hurt(partly, run.before, false) == 1);
  run.require_whole(changed);
  // It comes back to the laptop, and with it to the old snapshot.
  write_file(news, former);
  run.backup(laptop);
  REQUIRE(are_all_healed(run.repair()));
  run.require_clean();
  run.require_whole(run.before);
}

TEST_CASE("numbers do not move to what nobody can vouch for") {
  Repaired run;
  const std::string damaged = run.packs().front();
  flip_bit(*run.store, damaged);
  run.verify_as_owner();
  run.write_news(300'000, "more");
  age_tree(run.source / "tree");
  Repository laptop = run.open();
  run.backup(laptop);
  // One more pack of that second backup is lost, so its entry is not proved.
  const std::vector<std::string> packs = names_of(*run.store, "packs/");
  const BlockIndex::Reader index(laptop.blocks().index());
  for (const std::uint32_t pack : index.packs()) {
    const PackRecord record = index.pack(pack);
    const bool is_newest = record.sequence + 1 == laptop.state().next_sequence;
    if (is_newest && record.kind == PackKind::meta) run.store->remove(pack_path(record.hash));
  }
  const VerifyReport report = run.repair();
  const auto finding =
      std::ranges::find(report.findings, damaged, [](const Finding& each) { return each.object; });
  REQUIRE(finding != report.findings.end());
  REQUIRE_FALSE(finding->is_healed);
}

TEST_CASE("an index segment that is in no copy is made anew from its packs") {
  Repaired run;
  Repository laptop = run.open();
  const int kinds = GENERATE(1, 2, 3);
  const bool has_rotated = GENERATE(false, true);
  if (has_rotated) rotate(run);
  std::vector<std::string> lost;
  for (const PackKind stream : {PackKind::data, PackKind::meta}) {
    if ((kinds & static_cast<int>(stream)) == 0) continue;
    for (const std::string& segment : run.segments(stream)) {
      take_away(*run.store, segment);
      lost.push_back(segment);
    }
  }
  if (GENERATE(false, true)) {  // nobody knows what it said
    fs::remove_all(run.owner.state.path());
    run.owner_repository = run.owner.open();
    REQUIRE_FALSE(run.owner_repository.blocks().index().unloaded_entries().empty());
  }
  REQUIRE_FALSE(run.verify_as_owner().findings.empty());
  const VerifyReport report = run.repair();
  REQUIRE(are_all_healed(report));
  REQUIRE(report.findings.size() == lost.size());
  run.require_clean();
  run.require_nothing_new(laptop);
  run.require_restored_by_all({run.before});
  rotate(run);
  run.require_clean();
  run.require_restored_by_all({run.before});
}

namespace {

// Packs of the laptop are lost, stored again, and a repair has moved their numbers: the index
// segments that it wrote, and the key segment that has their keys.
struct Rewritten : Repaired {
  Rewritten() {
    for (const std::string& pack : packs()) {
      store->remove(pack);
    }
    verify_as_owner();
    Repository laptop = open();
    again = backup(laptop).snapshot;
    REQUIRE(are_all_healed(repair()));
    const State& state = owner_repository.state();
    state.segments.for_each([&](const ObjectHash& name, const SegmentState& segment) {
      const bool is_rewritten = segment.is_current && segment.numbers.count() == 0;
      if (is_rewritten) rewritten.push_back(index_segment_path(name));
    });
    owner_repository.journal().for_each_entry(0, [&](const ReplayedEntry& replayed) {
      const auto* act = std::get_if<Reindexed>(&replayed.entry.act);
      if (act != nullptr) key_segment = key_segment_path(act->key_segments.front());
      return true;
    });
  }

  // The owner at another machine, which has loaded nothing yet.
  void forget_all() {
    fs::remove_all(owner.state.path());
    owner_repository = owner.open();
  }

  SnapshotId again;
  std::vector<std::string> rewritten;
  std::string key_segment;
};

}  // namespace

TEST_CASE("a segment that a repair has made is made anew by a machine that had loaded it") {
  Rewritten run;
  Repository laptop = run.open();
  REQUIRE(run.rewritten.size() == 2);
  for (const std::string& segment : run.rewritten) {
    take_away(*run.store, segment);
  }
  {  // A machine that joins by now does not know the numbers, and says what there is to do.
    Machine fresh(run.store, 5);
    Repository late = fresh.open();
    const VerifyReport report = verify(
        late, {.level = VerifyLevel::content, .threads = 2, .repairs = true, .is_dry_run = true});
    REQUIRE_FALSE(are_all_healed(report));
    REQUIRE(findings_of(report).find("--drop-unreadable gives it up") != std::string::npos);
  }
  REQUIRE(are_all_healed(run.repair()));
  run.require_clean();
  run.require_nothing_new(laptop);
  run.require_restored_by_all({run.before});
}

TEST_CASE("an epoch's end keeps the keys of packs that an unreadable rewritten segment lists") {
  Rewritten run;
  REQUIRE_FALSE(run.rewritten.empty());
  std::map<std::string, Bytes> away;
  for (const std::string& segment : run.rewritten) {
    away.merge(take_away(*run.store, segment));
  }
  run.forget_all();
  REQUIRE_FALSE(run.owner_repository.blocks().index().unloaded_entries().empty());
  rotate(run);
  put_back(*run.store, away);
  run.require_clean();
  run.require_restored_by_all({run.before, run.again});
}

TEST_CASE("no epoch ends unasked over lost keys of a rewritten segment") {
  Rewritten run;
  const std::map<std::string, Bytes> away = take_away(*run.store, run.key_segment);
  if (GENERATE(false, true)) run.forget_all();
  REQUIRE(error_code([&] { rotate(run); }) == Code::corrupt);
  put_back(*run.store, away);
  rotate(run);
  run.require_clean();
  run.require_restored_by_all({run.before, run.again});
}

TEST_CASE("an index is not made anew while keys of a rewritten one are out of reach") {
  Rewritten run;
  const SnapshotState before = run.owner_repository.state().snapshots.at(run.before);
  const std::map<std::string, Bytes> away =
      take_away(*run.store, key_segment_path(before.taken.key_segments.front()));
  run.forget_all();
  run.owner_repository.blocks().complete_index();
  const std::string index = run.owner_repository.local().directory() + "/index";
  const auto made = fs::last_write_time(index);
  run.owner_repository.blocks().complete_index();
  REQUIRE(fs::last_write_time(index) == made);
  put_back(*run.store, away);
  run.require_clean();
}

TEST_CASE("an index segment that cannot be made anew is given up, and only if a person asks") {
  Repaired run;
  Repository laptop = run.open();
  laptop.blocks().index();
  std::map<std::string, Bytes> away;
  for (const std::string& segment : run.segments(PackKind::data)) {
    away.merge(take_away(*run.store, segment));
  }
  run.store->remove(run.packs().front());
  fs::remove_all(run.owner.state.path());  // nobody knows what it said
  run.owner_repository = run.owner.open();
  const VerifyReport refused = run.repair();
  REQUIRE_FALSE(are_all_healed(refused));
  REQUIRE(refused.given_up == 0);
  const VerifyReport report = run.repair(true);
  REQUIRE_FALSE(are_all_healed(report));
  REQUIRE(report.given_up == 1);
  REQUIRE(DamagedLaptop::hurt(report, run.before, true) > 0);
  // A copy that turns up later says nothing any more.
  put_back(*run.store, away);
  REQUIRE(check_catalog(run.owner_repository).empty());
  const BackupResult again = run.backup(laptop);
  REQUIRE(again.statistics.bytes_new >= 1'200'000);
  REQUIRE(check_catalog(laptop).empty());
  run.require_restored_by_all({again.snapshot});
  run.require_nothing_new(laptop);
  rotate(run);
  run.require_restored_by_all({again.snapshot});
}

TEST_CASE("where a machine knows what a lost segment listed, nothing but lost packs is given up") {
  Repaired run;
  Repository laptop = run.open();
  run.write_news(200'000, "other");
  age_tree(run.source / "tree");
  run.backup(laptop);
  run.owner_repository.journal().replay();
  run.owner_repository.blocks().index();
  for (const PackKind stream : {PackKind::data, PackKind::meta}) {
    for (const std::string& segment : run.segments(stream)) {
      take_away(*run.store, segment);
    }
  }
  // Of the laptop's first backup the data pack is lost, and its manifest is not.
  const BlockIndex::Reader index(run.owner_repository.blocks().index());
  const std::uint64_t sequence = run.owner_repository.state().snapshots.at(run.before).sequence;
  for (const std::string& path : run.packs()) {
    for (const std::uint32_t pack : index.packs()) {
      const PackRecord record = index.pack(pack);
      if (record.sequence == sequence && pack_path(record.hash) == path) run.store->remove(path);
    }
  }
  const VerifyReport report = run.repair(true);
  REQUIRE(report.given_up == 0);
  REQUIRE(DamagedLaptop::hurt(report, run.before, true) == 6);  // its files; the tree can be listed
  REQUIRE(check_catalog(run.owner_repository).empty());
  const VerifyReport next = run.verify_as_owner();
  REQUIRE(DamagedLaptop::hurt(next, run.before, true) == 6);
  REQUIRE(names_in_findings(next, "index/") == 0);
}

TEST_CASE("a void snapshot that names index segments is passed over by everybody") {
  Repaired run;
  Repository evil = run.open();
  JournalEntry entry =
      evil.journal().next_entry(Act(run.owner_repository.state().snapshots.at(run.first).taken));
  auto& taken = std::get<SnapshotTaken>(entry.act);
  taken.snapshot = sample_id<SnapshotId>(77);
  taken.policy = "none of the repository";
  taken.segments = {{sample_id<ObjectHash>(78), PackKind::data}};
  forge(*run.store, evil, run.content, entry);
  run.owner_repository.journal().replay();
  REQUIRE(run.owner_repository.state().open_incidents().size() == 1);
  run.owner_repository.blocks().index();
  rotate(run);
  run.require_whole(run.before);
}
