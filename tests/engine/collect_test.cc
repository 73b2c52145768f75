// Collection from end to end: what is forgotten goes, what is needed stays, and others who are at
// work meanwhile lose nothing.
#include "engine/crypto/hash.h"
#include "engine/format/names.h"
#include "engine/repository/ended_objects.h"
#include "tests/engine/collect_attackers.h"
#include "tests/support/held_store.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

std::uint64_t ends_of(Repository& repository) {
  repository.journal().replay();
  return repository.state().epoch_number;
}

}  // namespace

TEST_CASE("what only a forgotten snapshot needed goes, and the others can be restored") {
  Collected run;
  run.write_news(400'000, "old");
  const SnapshotId old = run.take();
  run.remove_file("old");
  run.write_news(300'000, "new");
  const SnapshotId last = run.take();
  const std::uint64_t before = run.pack_bytes();
  run.forget_all({old});
  const CollectResult result = run.collect({.unused_percent = 0});
  REQUIRE(result.ended_snapshots == 1);
  REQUIRE(result.entries == 1);
  REQUIRE(run.pack_bytes() + 350'000 < before);
  const State& state = run.owner_repository.state();
  REQUIRE(state.snapshots.at(old).has_ended());
  REQUIRE(state.snapshots.at(old).is_forgotten);
  REQUIRE_FALSE(run.store->objects().contains(body_path(state.snapshots.at(old).taken.body)));
  REQUIRE_FALSE(
      run.store->objects().contains(reference_set_path(state.snapshots.at(old).set.hash)));
  run.require_all_sound();
  require_restored(run.owner, run.owner_repository, run, last, "new");
  require_restored(run.owner, run.owner_repository, run, run.first);
}

TEST_CASE("a collection with nothing to do writes no entry") {
  Collected run;
  run.collect();  // proves the sets
  const std::uint64_t next = run.owner_repository.state().next_sequence;
  const CollectResult result = run.collect();
  REQUIRE(result.entries == 0);
  REQUIRE(run.owner_repository.state().next_sequence == next);
}

TEST_CASE("a snapshot that is held, or whose grace or minimum is not over, is not ended") {
  Roles run(writer_capabilities);  // a day's minimum, seven days of grace
  run.write_news(200'000);
  const SnapshotId id = run.owner.backup(run.owner_repository, run.source / "tree").snapshot;
  constexpr std::int64_t day_ms = 86'400'000;
  run.owner.clock.advance_ms(2 * day_ms);
  const ForgetOptions forgetting{
      .snapshots = {id}, .reason = {}, .may_take_last = true, .is_junk = false};
  static_cast<void>(forget(run.owner_repository, forgetting));
  run.owner.clock.advance_ms(7 * day_ms - 60'000);
  REQUIRE(collect(run.owner_repository, {}).entries == 0);
  require_restored(run.owner, run.owner_repository, run, id, "news");
  run.owner.clock.advance_ms(120'000);
  REQUIRE(collect(run.owner_repository, {}).ended_snapshots == 1);
}

TEST_CASE("live blocks leave a pack that is mostly dead, and keep their numbers") {
  Collected run;
  for (int i = 0; i < 20; ++i) {
    run.write_news(60'000, "file" + std::to_string(i));
  }
  const SnapshotId all = run.take();
  for (int i = 1; i < 20; ++i) {
    run.remove_file("file" + std::to_string(i));
  }
  const SnapshotId one = run.take();
  static_cast<void>(run.take());
  run.forget_all({all});
  const std::uint64_t before = run.pack_bytes();
  const CollectResult result = run.collect({.unused_percent = 0});
  REQUIRE(result.written_bytes > 0);
  REQUIRE(result.written_bytes < 300'000);
  REQUIRE(run.pack_bytes() + 900'000 < before);
  run.require_all_sound();
  require_restored(run.owner, run.owner_repository, run, one, "file0");
  // The file is known, and its blocks are.
  const BackupResult next = run.owner.backup(run.owner_repository, run.source / "tree");
  REQUIRE(next.files_opened == 0);
  REQUIRE(next.statistics.bytes_new < 2'000);  // the directory of the tree is another one
  REQUIRE(run.collect().entries == 0);
}

TEST_CASE("a little waste stays where that is allowed, and its snapshot's set with it") {
  Collected run;
  for (int i = 0; i < 40; ++i) {
    run.write_news(60'000, "file" + std::to_string(i));
  }
  const SnapshotId all = run.take();
  run.remove_file("file7");
  static_cast<void>(run.take());
  run.forget_all({all});
  const CollectResult result = run.collect({.unused_percent = 20});
  REQUIRE(result.written_bytes == 0);
  REQUIRE(result.ended_snapshots == 1);
  const SnapshotState ended = run.owner_repository.state().snapshots.at(all);
  REQUIRE(ended.has_ended());
  REQUIRE_FALSE(ended.is_forgotten);
  REQUIRE(run.store->objects().contains(reference_set_path(ended.set.hash)));
  run.require_all_sound();
  REQUIRE(run.collect({.unused_percent = 0}).entries == 1);
  REQUIRE(run.owner_repository.state().snapshots.at(all).is_forgotten);
  REQUIRE_FALSE(run.store->objects().contains(reference_set_path(ended.set.hash)));
  run.require_all_sound();
}

TEST_CASE("what another machine's backup relies on meanwhile is stored again by it, by itself") {
  std::uint64_t changes = 0;
  while (true) {
    Collected each(owner_capabilities);
    each.write_news(400'000, "shared");
    const Bytes content = slurp(each.source / "tree/shared");
    const SnapshotId gone = each.take();
    each.remove_file("shared");
    static_cast<void>(each.take());
    each.forget_all({gone});
    write_file(each.source / "tree/shared", content);
    HeldStore stop(*each.store);
    Machine late(std::shared_ptr<Store>(std::shared_ptr<void>(), &stop), 5);
    late.clock.advance_ms(each.owner.clock.now_ms() - late.clock.now_ms());
    Repository repository = late.open(9);
    bool has_ended = false;
    stop.hold(std::exchange(changes, changes + stride()), false, [&] {
      static_cast<void>(each.collect({.unused_percent = 0}));
      has_ended = ends_of(each.owner_repository) > 0;
    });
    const BackupOptions options{.paths = {each.source / "tree"}, .source = "late", .threads = 1};
    const BackupResult result = backup(repository, options);
    if (!stop.has_held()) break;
    INFO("before change " << changes - stride());
    REQUIRE(has_ended);
    // Keys that it had sealed to the former epoch are a finding until somebody clears them away.
    static_cast<void>(remove_ended_objects(each.owner_repository));
    each.require_all_sound();
    require_restored(late, repository, each, result.snapshot, "shared");
  }
  REQUIRE(changes > 8);
}

TEST_CASE("a collection with nothing to end clears away what an end has left") {
  Collected run;
  rotate(run);
  // Sealed to the epoch that has ended, by a backup that the end had caught.
  const std::map<std::string, Bytes> objects = run.store->objects();
  static_cast<void>(run.take());
  const auto key = [&](const auto& each) {
    return each.first.starts_with("keys/") && !objects.contains(each.first);
  };
  const std::map<std::string, Bytes> after = run.store->objects();
  const auto late = std::ranges::find_if(after, key);
  rotate(run);
  run.store->put(late->first, late->second);
  REQUIRE_FALSE(verify(run.owner_repository, {}).findings.empty());
  const std::uint64_t epoch = run.owner_repository.state().epoch_number;
  REQUIRE(run.collect().removed_objects == 1);
  REQUIRE(run.owner_repository.state().epoch_number == epoch);
  run.require_all_sound();
}

TEST_CASE("many small index segments become few, and the next backup reads no file again") {
  Collected run;
  for (int i = 0; i < 20; ++i) {
    run.write_news(20'000, "file" + std::to_string(i));
    static_cast<void>(run.take());
  }
  const auto segments = [&] { return names_of(*run.store, "index/").size(); };
  const std::size_t before = segments();
  REQUIRE(before > 80);
  run.collect();
  run.pass(60);
  run.collect();
  REQUIRE(segments() * 8 < before);
  run.require_all_sound();
  require_same_index(run);
  run.pass(1);
  REQUIRE(run.owner.backup(run.owner_repository, run.source / "tree").files_opened == 0);
  const std::uint64_t entries = run.owner_repository.state().next_sequence;
  REQUIRE(run.collect().entries == 0);
  REQUIRE(run.owner_repository.state().next_sequence <= entries + 1);
}

TEST_CASE("of forty copies of a block some thirty become one") {
  Collected run;
  std::vector<SnapshotId> going;
  for (int i = 0; i < 40; ++i) {
    run.write_news(60'000);
    run.pass(1);
    BackupOptions again{.paths = {run.source / "tree"}, .source = "test", .threads = 1};
    again.stores_again = true;
    going.push_back(kist::backup(run.owner_repository, again).snapshot);
    run.remove_file("news");
    static_cast<void>(run.take());
  }
  const auto copies = [&] {
    const Bytes content = slurp(run.source / "tree/merger-plan");
    const BlockIndex::Reader index(run.owner_repository.blocks().index());
    std::set<std::pair<std::uint32_t, std::uint32_t>> packs;
    std::size_t numbers = 0;
    index.for_each_copy(tag_of(hash_block(run.owner_repository.read_keys().id_key(), content)),
                        [&](const BlockLocation& copy) {
                          packs.emplace(copy.pack, copy.offset);
                          ++numbers;
                          return true;
                        });
    return std::pair(packs.size(), numbers);
  };
  REQUIRE(copies() == std::pair<std::size_t, std::size_t>(41, 41));
  run.forget_all(going);
  run.collect({.unused_percent = 0, .grace_seconds = 0});
  REQUIRE(copies().first <= 3);
  REQUIRE(copies().second >= 40);
  run.require_all_sound();
  require_same_index(run);
}

namespace {

// Asks to stop once a backup says that it reads its source again.
class StopAtSecondWalk final : public Observer {
 public:
  void notice(const std::string& text) override {
    is_stopped_ = is_stopped_ || text.ends_with("the source is read again");
  }

  [[nodiscard]] bool cancelled() const override { return is_stopped_; }

 private:
  bool is_stopped_ = false;
};

}  // namespace

TEST_CASE("a backup that is stopped before its second walk has read anything just stops") {
  Collected run;
  run.write_news(400'000, "shared");
  const Bytes content = slurp(run.source / "tree/shared");
  const SnapshotId gone = run.take();
  run.remove_file("shared");
  static_cast<void>(run.take());
  run.forget_all({gone});
  write_file(run.source / "tree/shared", content);
  run.write_news(50'000, "mine");
  HeldStore stop(*run.store);
  Machine late(std::shared_ptr<Store>(std::shared_ptr<void>(), &stop), 5);
  late.clock.advance_ms(run.owner.clock.now_ms() - late.clock.now_ms());
  StopAtSecondWalk told;
  Repository repository = late.open_with(told);
  stop.hold(0, false, [&] { static_cast<void>(run.collect({.unused_percent = 0})); });
  const BackupOptions options{.paths = {run.source / "tree"}, .source = "late", .threads = 1};
  REQUIRE_THROWS_AS(backup(repository, options), Interrupted);
  REQUIRE(told.cancelled());
  Repository again = late.open();
  REQUIRE(backup(again, options).sequence > 0);
  static_cast<void>(remove_ended_objects(run.owner_repository));
  run.require_all_sound();
}
