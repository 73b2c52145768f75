// What no entry names: it is condemned by name, and removed after a grace, unless it was named by
// then. Nothing is concluded from a listing.
#include "engine/base/attempt.h"
#include "engine/format/names.h"
#include "engine/repository/ended_content.h"
#include "engine/repository/ended_objects.h"
#include "tests/engine/collected.h"
#include "tests/support/held_store.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

// Another owner's machine, whose store can be held.
struct Late {
  explicit Late(Collected& run)
      : stop(*run.store), machine(std::shared_ptr<Store>(std::shared_ptr<void>(), &stop), 5) {
    machine.clock.advance_ms(run.owner.clock.now_ms() - machine.clock.now_ms());
    repository.emplace(machine.open(9));
  }

  BackupResult backup(Collected& run) {
    const BackupOptions options{.paths = {run.source / "tree"}, .source = "late", .threads = 1};
    return kist::backup(*repository, options);
  }

  HeldStore stop;
  Machine machine;
  std::optional<Repository> repository;
};

// Cuts a backup off before its entry; false once it gets through.
bool cut_off(Collected& run, std::uint64_t at) {
  Late late(run);
  late.stop.hold(at, true, [] {});
  try {
    static_cast<void>(late.backup(run));
  } catch (const CutOff&) {
    return true;
  }
  return false;
}

std::size_t unnamed_count(Collected& run) {
  return find_content_leftovers(run.owner_repository, 1'000).unnamed.size();
}

// Lists nothing of what is stored, or every other object. (Without slots/ nobody gets in.)
class ForgetfulStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  void list(const std::string& folder,
            const std::function<void(const std::string&)>& each) override {
    bool is_shown = false;
    ForwardingStore::list(folder, [&](const std::string& path) {
      is_shown = !is_shown;
      if (folder == "slots" || (shows_half && is_shown)) each(path);
    });
  }

  bool shows_half = false;
};

}  // namespace

TEST_CASE("what a backup that was cut off has left goes after a day, by two collections") {
  Collected run(owner_capabilities);
  run.write_news(300'000, "mine");
  REQUIRE(cut_off(run, 4));
  const std::size_t count = unnamed_count(run);
  REQUIRE(count > 0);
  REQUIRE(run.collect().condemned_unnamed == count);
  REQUIRE(run.collect().condemned_unnamed == count);  // not yet
  REQUIRE(unnamed_count(run) == count);
  run.pass(24LL * 60);
  const CollectResult result = run.collect();
  REQUIRE(result.entries == 1);
  REQUIRE(result.removed_objects >= count);
  REQUIRE(result.freed_bytes > 0);
  REQUIRE(unnamed_count(run) == 0);
  REQUIRE(run.owner_repository.state().unnamed.all().empty());
  run.require_all_sound();
}

TEST_CASE("what was condemned and is named by then stays") {
  Collected run(owner_capabilities);
  run.write_news(300'000, "mine");
  Late late(run);
  bool was_condemned = false;
  late.stop.hold(6, false, [&] {  // before its entry
    was_condemned = run.collect().condemned_unnamed > 0;
  });
  const SnapshotId id = late.backup(run).snapshot;
  REQUIRE(was_condemned);
  run.pass(48LL * 60);
  REQUIRE(run.collect().entries == 0);
  run.require_all_sound();
  require_restored(run.owner, run.owner_repository, run, id, "mine");
}

namespace {

// Calls `meanwhile` before each put of a pack, while a backup reads its source.
class OnPack final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  std::unique_ptr<ObjectWriter> begin_put() override {
    if (meanwhile && ++count == 3) std::exchange(meanwhile, {})();
    return ForwardingStore::begin_put();
  }

  std::function<void()> meanwhile;
  int count = 0;
};

// Another machine's backup of enough for several packs, at whose third something happens.
BackupResult backup_long(Collected& run, const std::function<void(Machine&)>& meanwhile) {
  const auto store = std::make_shared<OnPack>(*run.store);
  Machine machine(store, 5);
  machine.clock.advance_ms(run.owner.clock.now_ms() - machine.clock.now_ms());
  Repository repository = machine.open(9);
  for (int i = 0; i < 6; ++i) {
    run.write_news(14U << 20U, "large" + std::to_string(i));
  }
  store->meanwhile = [&] { meanwhile(machine); };
  BackupResult result =
      kist::backup(repository, {.paths = {run.source / "tree"}, .source = "late", .threads = 1});
  REQUIRE_FALSE(store->meanwhile);
  REQUIRE(machine.observer.notices.empty());  // it has not walked again
  return result;
}

}  // namespace

TEST_CASE("a backup under way names what it has stored once something unnamed is condemned") {
  Collected run;
  const BackupResult result = backup_long(run, [&](Machine& machine) {
    static_cast<void>(run.collect());
    REQUIRE(unnamed_count(run) > 0);
    machine.clock.advance_ms(20LL * 60'000);
    run.pass(20);
  });
  REQUIRE(result.pending_snapshots == 1);
  run.pass(48LL * 60);
  run.collect();
  run.require_all_sound();
  require_restored(run.owner, run.owner_repository, run, result.snapshot, "large0");
}

TEST_CASE("a backup under way leaves nothing unnamed for longer than some hours") {
  Collected run;
  const std::int64_t hours = GENERATE(3, 5);
  const BackupResult result =
      backup_long(run, [&](Machine& machine) { machine.clock.advance_ms(hours * 3'600'000); });
  REQUIRE(result.pending_snapshots == (hours > 4 ? 1 : 0));
}

TEST_CASE("a backup whose objects were removed before it named them stores them again") {
  std::uint64_t at = 0;
  while (true) {
    Collected run(owner_capabilities);
    run.write_news(300'000, "mine");
    Late late(run);
    bool has_removed = false;
    late.stop.hold(std::exchange(at, at + stride()), false, [&] {
      static_cast<void>(run.collect({.grace_seconds = 0}));
      has_removed = run.collect({.grace_seconds = 0}).condemned_unnamed == 0;
    });
    const SnapshotId id = late.backup(run).snapshot;
    if (!late.stop.has_held()) break;
    INFO("before change " << at - stride());
    REQUIRE(has_removed);
    static_cast<void>(remove_ended_objects(run.owner_repository));
    run.require_all_sound();
    require_restored(run.owner, run.owner_repository, run, id, "mine");
  }
  REQUIRE(at > 8);
}

TEST_CASE("a late put of what was removed counts for nobody, and goes with the next collection") {
  Collected run(owner_capabilities);
  run.write_news(300'000, "mine");
  REQUIRE(cut_off(run, 4));
  const auto before = run.store->objects();
  static_cast<void>(run.collect({.grace_seconds = 0}));
  REQUIRE(unnamed_count(run) == 0);
  std::size_t count = 0;
  for (const auto& [path, bytes] : before) {
    if (!path.starts_with("packs/") || run.store->objects().contains(path)) continue;
    run.store->put(path, bytes);
    ++count;
  }
  REQUIRE(count > 0);
  REQUIRE(find_content_leftovers(run.owner_repository, 1'000).ended.size() == count);
  REQUIRE(run.collect().removed_objects == count);
  run.require_all_sound();
}

TEST_CASE("a store that lists nothing, or half of what it has, loses nothing") {
  for (const bool shows_half : {false, true}) {
    Collected run(owner_capabilities);
    run.write_news(400'000, "old");
    const SnapshotId old = run.take();
    run.remove_file("old");
    const SnapshotId last = run.take();
    REQUIRE(cut_off(run, 4));
    run.forget_all({old});
    ForgetfulStore forgetful(*run.store);
    forgetful.shows_half = shows_half;
    Machine machine(std::shared_ptr<Store>(std::shared_ptr<void>(), &forgetful), 8);
    machine.clock.advance_ms(run.owner.clock.now_ms() - machine.clock.now_ms());
    Repository there = machine.open();
    const CollectResult result = collect(there, {.grace_seconds = 0, .threads = 1});
    REQUIRE(result.ended_snapshots == 1);
    run.owner_repository.journal().replay();
    static_cast<void>(remove_ended_objects(run.owner_repository));
    run.require_all_sound();
    require_restored(run.owner, run.owner_repository, run, last);
    // What was not shown goes when it is.
    run.pass(2LL * 24 * 60);
    static_cast<void>(run.collect({.grace_seconds = 0}));
    REQUIRE(unnamed_count(run) == 0);
  }
}

TEST_CASE("two collections at once, wherever one is stopped, both come to their end") {
  std::uint64_t at = 0;
  while (true) {
    Collected run(owner_capabilities);
    for (int i = 0; i < 8; ++i) {
      run.write_news(60'000, "file" + std::to_string(i));
    }
    const SnapshotId old = run.take();
    for (int i = 0; i < 6; ++i) {
      run.remove_file("file" + std::to_string(i));
    }
    const SnapshotId last = run.take();
    run.forget_all({old});
    Late late(run);
    late.machine.clock.advance_ms(60'000);
    late.stop.hold(at, false, [&] { static_cast<void>(run.collect({.unused_percent = 0})); });
    INFO("before change " << at);
    at += 3 * stride();
    static_cast<void>(collect(*late.repository, {.unused_percent = 0, .threads = 1}));
    const bool has_held = late.stop.has_held();
    static_cast<void>(run.collect({.unused_percent = 0}));
    static_cast<void>(remove_ended_objects(run.owner_repository));
    run.require_all_sound();
    require_restored(run.owner, run.owner_repository, run, last, "file7");
    REQUIRE(run.owner_repository.state().snapshots.at(old).has_ended());
    if (!has_held) break;
  }
  REQUIRE(at > 20);
}

TEST_CASE("a collection that is cut off anywhere is completed by the next one") {
  std::uint64_t at = 0;
  while (true) {
    Collected run(owner_capabilities);
    for (int i = 0; i < 8; ++i) {
      run.write_news(60'000, "file" + std::to_string(i));
    }
    const SnapshotId old = run.take();
    for (int i = 0; i < 6; ++i) {
      run.remove_file("file" + std::to_string(i));
    }
    const SnapshotId last = run.take();
    run.forget_all({old});
    bool is_done = true;
    {
      Late late(run);
      late.machine.clock.advance_ms(60'000);
      late.stop.hold(at, true, [] {});
      try {
        static_cast<void>(collect(*late.repository, {.unused_percent = 0, .threads = 1}));
      } catch (const CutOff&) {
        is_done = false;
      }
    }
    INFO("before change " << at);
    at += 2 * stride();
    run.owner_repository.journal().replay();
    require_restored(run.owner, run.owner_repository, run, last, "file7");
    static_cast<void>(run.collect({.unused_percent = 0, .grace_seconds = 0}));
    static_cast<void>(run.collect({.unused_percent = 0, .grace_seconds = 0}));
    static_cast<void>(remove_ended_objects(run.owner_repository));
    REQUIRE(unnamed_count(run) == 0);
    REQUIRE(find_content_leftovers(run.owner_repository, 9).ended.empty());
    run.require_all_sound();
    require_restored(run.owner, run.owner_repository, run, last, "file7");
    if (is_done) break;
  }
  REQUIRE(at > 20);
}
