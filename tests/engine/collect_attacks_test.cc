// What writers and readers can do around a collection, each tried with real keys: nothing that a
// live snapshot needs goes, nobody is stopped for good, and it comes to an end.
#include "tests/engine/collect_attackers.h"

using namespace kist;
using namespace kist::test;

// Attack 7: numbers of a client that joins later; and 14: a set that says too much.

TEST_CASE("a number that nobody lists, in a pending set, does not keep a collection from ending") {
  Collected run;
  run.write_news(400'000, "old");
  const SnapshotId old = run.take();
  run.remove_file("old");
  const SnapshotState owned = run.owner_repository.state().snapshots.at(old);
  // The last number that is reserved for its data, of which there are fewer.
  const EntryNumbers numbers = owned.taken.numbers;
  const std::uint64_t unlisted = numbers.first_of(PackKind::meta) - 1;
  Repository evil = run.open();
  const Bytes block = random_bytes(run.content, 5'000);
  const StoredSnapshot stored = store_file(
      evil, block,
      [&](BlockWriter& writer, const BlockId& id) {
        writer.refer(writer.add(PackKind::data, id, block));
        writer.refer({NumberBase::absolute, unlisted, 1});
      },
      true);
  commit_stored(evil, run.other, stored);
  static_cast<void>(run.take());
  run.forget_all({old});
  HeldOwner held(run);
  REQUIRE(held.ends_within(400, {.unused_percent = 0}));
  run.require_all_sound();
}

TEST_CASE(
    "what was given up does not keep a collection from ending, nor is what replaced it lost") {
  Collected run;
  static_cast<void>(take_and_forget(run, 300'000, "before"));
  run.write_news(300'000, "lost");
  const Bytes content = slurp(run.source / "tree/lost");
  const SnapshotId needed = run.take();
  HeldOwner(run, 32).collect({.unused_percent = 100});  // proves the sets
  run.owner_repository.journal().replay();
  // Index segment and pack of that file are lost, and a person gives the segment up.
  const std::vector<ObjectHash> packs = data_packs(run.owner_repository, needed);
  REQUIRE_FALSE(packs.empty());
  for (const SegmentIntroduction& segment :
       run.owner_repository.state().snapshots.at(needed).taken.segments) {
    if (segment.stream == PackKind::data) {
      take_away(*run.store, index_segment_path(segment.index_segment));
    }
  }
  for (const ObjectHash& pack : packs) {
    run.store->remove(pack_path(pack));
  }
  Machine fresh(run.store, 44);
  fresh.clock.advance_ms(run.owner.clock.now_ms() - fresh.clock.now_ms());
  Repository there = fresh.open();
  const VerifyReport report = verify(
      there,
      {.level = VerifyLevel::content, .threads = 1, .repairs = true, .drops_unreadable = true});
  REQUIRE(report.given_up == 1);
  // The source still has the file: the next backup stores it again, and all can be restored.
  run.owner_repository.journal().replay();
  const SnapshotId again = run.take();
  require_restored(run.owner, run.owner_repository, run, again, "lost");
  require_restored(run.owner, run.owner_repository, run, needed, "lost");
  run.remove_file("lost");
  static_cast<void>(run.take());
  run.forget_all({again});
  HeldOwner held(run, 33);
  const bool has_ended = held.ends_within(400, {.unused_percent = 0});
  write_file(run.source / "tree/lost", content);
  run.owner_repository.journal().replay();
  CHECK(has_ended);
  require_restored(run.owner, run.owner_repository, run, needed, "lost");
}

// Attacks 9, 10: what no entry names yet.

TEST_CASE("packs of an entry whose index segment cannot be read just then are not ended") {
  Collected run;
  run.collect();
  Repository late = run.open();
  const Bytes block = random_bytes(run.content, 50'000);
  const StoredSnapshot stored = store_file(
      late, block,
      [&](BlockWriter& writer, const BlockId& id) {
        writer.refer(writer.add(PackKind::data, id, block));
      },
      true);
  HeldOwner held(run);
  REQUIRE(held.collect().condemned_unnamed > 0);
  run.pass(2LL * 24 * 60);
  std::map<std::string, Bytes> away;
  held.stop.hold(0, false, [&] {  // the first anchor of the end
    commit_stored(late, run.other, stored);
    for (const SegmentIntroduction& segment : stored.segments) {
      away.merge(take_away(*run.store, index_segment_path(segment.index_segment)));
    }
  });
  try {
    held.collect();
  } catch (const Error& error) {
    UNSCOPED_INFO(error.text());
  }
  REQUIRE(held.stop.has_held());
  REQUIRE_FALSE(away.empty());
  put_back(*run.store, away);
  INFO("epoch " << run.owner_repository.state().epoch_number);
  Machine fresh(run.store, 55);
  Repository there = fresh.open();
  const BlockIndex::Reader index(there.blocks().index());
  for (const ObjectHash& pack : stored.packs) {
    CHECK(index.find_pack(pack));
    CHECK(run.store->objects().contains(pack_path(pack)));
  }
  INFO("it named objects in epoch " << there.state().epoch_number);
  CHECK(there.blocks().index().unloaded_entries().empty());
}

// Attack 14.

TEST_CASE("a snapshot whose body opens for nobody does not keep space from coming back") {
  Collected run;
  Repository evil = run.open();
  const bool is_body_key_there = GENERATE(true, false);
  HollowSnapshot hollow;
  hollow.has_body_key = is_body_key_there;
  hollow.is_body_key_right = false;
  commit_hollow(evil, run.content, "evil", hollow);
  static_cast<void>(take_and_forget(run, 200'000, "old"));
  REQUIRE_NOTHROW(run.collect({.unused_percent = 0}));
}

TEST_CASE("what a revoked writer never put does not keep space from coming back") {
  Collected run;
  Repository evil = run.open();
  HollowSnapshot hollow;
  const bool lacks_body = GENERATE(true, false);
  hollow.puts_body = !lacks_body;
  hollow.puts_set = lacks_body;
  commit_hollow(evil, run.content, "evil", hollow);
  static_cast<void>(take_and_forget(run, 200'000, "old"));
  REQUIRE(error_code([&] { run.collect(); }) == Code::corrupt);
  revoke(run);
  REQUIRE_NOTHROW(run.collect({.unused_percent = 0}));
  require_restored(run.owner, run.owner_repository, run, run.first);
}

TEST_CASE("a set that names what is nowhere reserved does not keep space from coming back") {
  Collected run;
  Repository evil = run.open();
  const Bytes block = random_bytes(run.content, 5'000);
  const bool is_pending = GENERATE(true, false);
  commit_stored(evil, run.other,
                store_file(
                    evil, block,
                    [&](BlockWriter& writer, const BlockId& id) {
                      writer.refer(writer.add(PackKind::data, id, block));
                      writer.refer({NumberBase::absolute, evil.state().next_number + 1'000'000, 1});
                    },
                    is_pending));
  static_cast<void>(take_and_forget(run, 200'000, "old"));
  REQUIRE_NOTHROW(run.collect({.unused_percent = 0}));
}

TEST_CASE("a set that claims too much or too little is replaced, and neither keeps nor loses") {
  Collected run;
  const bool is_too_little = GENERATE(true, false);
  run.write_news(400'000, "old");
  const SnapshotId old = run.take();
  run.remove_file("old");
  static_cast<void>(run.take());
  const EntryNumbers numbers = run.owner_repository.state().snapshots.at(old).taken.numbers;
  run.forget_all({old});
  Repository evil = run.open();
  const Bytes block = random_bytes(run.content, 5'000);
  const SnapshotId its =
      commit_file(evil, run.other, block, [&](BlockWriter& writer, const BlockId& id) {
        const ReferenceRun added = writer.add(PackKind::data, id, block);
        if (!is_too_little) writer.refer(added);
        if (!is_too_little) {
          writer.refer({NumberBase::absolute, numbers.first_number, numbers.count()});
        }
      });
  const std::uint64_t before = run.pack_bytes();
  REQUIRE(run.collect({.unused_percent = 0}).replaced_sets == 1);
  const std::vector<const Incident*> open = run.owner_repository.state().open_incidents();
  REQUIRE(open.size() == 1);
  REQUIRE(open.front()->kind == IncidentKind::sets);
  REQUIRE(open.front()->author == evil.keyring().slot());
  REQUIRE(run.pack_bytes() + 350'000 < before);
  run.require_all_sound();
  write_file(run.source / "tree/file", block);
  const TemporaryDirectory target;
  RestoreOptions options{.snapshot = its, .target = target / "out"};
  options.threads = 1;
  REQUIRE(restore(run.owner_repository, options).problems == 0);
  REQUIRE(slurp(target / "out/file") == block);
}

TEST_CASE("a writer's wrong sets, taken while an epoch ends, do not stop a collection") {
  Collected run;
  run.collect();
  static_cast<void>(take_and_forget(run, 200'000, "old"));
  HeldOwner held(run);
  held.collect({.unused_percent = 100, .grace_seconds = 3'600});  // condemned, and the sets proved
  run.pass(120);
  Repository evil = run.open();
  held.stop.hold(0, false, [&] {
    const Bytes block = random_bytes(run.content, 5'000);
    commit_file(evil, run.other, block, [&](BlockWriter& writer, const BlockId& id) {
      static_cast<void>(writer.add(PackKind::data, id, block));
    });
  });
  CHECK_NOTHROW(held.collect({.unused_percent = 100, .grace_seconds = 3'600}));
  REQUIRE(held.stop.has_held());
}

TEST_CASE("a pending snapshot that is replaced while a collection ends it does not stop that") {
  Collected run;
  run.collect();
  Repository evil = run.open();
  const auto store = [&](bool is_pending) {
    const Bytes block = random_bytes(run.content, 5'000);
    return store_file(
        evil, block,
        [&](BlockWriter& writer, const BlockId& id) {
          writer.refer(writer.add(PackKind::data, id, block));
        },
        is_pending);
  };
  const SnapshotId pending = commit_stored(evil, run.other, store(true));
  HeldOwner held(run);
  held.collect();
  run.pass(10);
  run.owner_repository.journal().replay();
  static_cast<void>(retire(run.owner_repository, "a test", [&](const State& state) {
    const SnapshotState found = state.snapshots.at(pending);
    if (found.is_retired()) return std::vector<RetiredSnapshot>{};
    return std::vector<RetiredSnapshot>{{pending, RetireCause::by_hand}};
  }));
  // Its segments wait: only the snapshot ends.
  bool has_replaced = false;
  WatchedStore watched(*run.store, "epochs/", [&] {
    evil.journal().replay();
    commit_stored(evil, run.other, store(false), pending);
    has_replaced = true;
  });
  Machine machine(not_owned(watched), 8);
  machine.clock.advance_ms(run.owner.clock.now_ms() - machine.clock.now_ms() + 60'000);
  Repository repository = machine.open();
  CHECK_NOTHROW(
      kist::collect(repository, {.unused_percent = 100, .grace_seconds = 86'400, .threads = 1}));
  REQUIRE(has_replaced);
}

// Attacks 34, 35, 46: condemned packs.

TEST_CASE("a reader that condemns a pack and clears it again takes no last copy") {
  Collected run(reader_capabilities);
  run.write_news(300'000, "twice");
  const SnapshotId needed = run.take();
  const std::vector<ObjectHash> packs = data_packs(run.owner_repository, needed);
  REQUIRE(packs.size() == 1);
  Repository evil = run.open();
  commit(evil, [&](const State&) { return Act(PacksCondemned{packs}); });
  run.owner_repository.journal().replay();
  age_tree(run.source / "tree");
  const SnapshotId again = run.take();  // stores it again
  REQUIRE_FALSE(data_packs(run.owner_repository, again).empty());
  flip_bit(*run.store, pack_path(packs.front()));
  static_cast<void>(verify(run.owner_repository, {.level = VerifyLevel::content, .threads = 1}));
  require_restored(run.owner, run.owner_repository, run, needed, "twice");
  const Bytes content = slurp(run.source / "tree/twice");
  const bool clears = GENERATE(false, true);
  if (clears) {
    evil.journal().replay();
    const auto failure =
        failure_of([&] { commit(evil, [&](const State&) { return Act(PacksCleared{packs}); }); });
    if (failure) UNSCOPED_INFO(failure->text());
  }
  run.remove_file("twice");
  static_cast<void>(run.take());
  run.forget_all({again});
  run.collect({.unused_percent = 100});
  write_file(run.source / "tree/twice", content);
  require_restored(run.owner, run.owner_repository, run, needed, "twice");
}

TEST_CASE("who condemns all packs keeps nothing from coming back, and loses nothing") {
  Collected run(reader_capabilities);
  static_cast<void>(take_and_forget(run, 400'000, "old"));
  Repository evil = run.open();
  std::vector<ObjectHash> all;
  for (const std::string& name : pack_names(*run.store)) {
    all.push_back(*parse_id<ObjectHash>(name.substr(name.rfind('/') + 1)));
  }
  std::ranges::sort(all);
  commit(evil, [&](const State&) { return Act(PacksCondemned{all}); });
  run.owner_repository.journal().replay();
  const std::uint64_t before = run.pack_bytes();
  run.collect({.unused_percent = 0});
  REQUIRE(run.pack_bytes() + 350'000 < before);
  run.require_all_sound();
  require_restored(run.owner, run.owner_repository, run, run.first);
}

// Attack 45.

TEST_CASE("a reader's word that a set is right is not what a collection goes by") {
  Collected run(can_read | can_write);
  Repository evil = run.open();
  const Bytes block = random_bytes(run.content, 5'000);
  const SnapshotId its =
      commit_file(evil, run.other, block, [&](BlockWriter& writer, const BlockId& id) {
        static_cast<void>(writer.add(PackKind::data, id, block));
      });
  commit(evil, [&](const State& state) {
    SetsProved act;
    act.equal = {{its, state.snapshots.at(its).set.hash}};
    return Act(std::move(act));
  });
  run.owner_repository.journal().replay();
  REQUIRE(run.collect({.unused_percent = 0}).replaced_sets == 1);
  run.require_all_sound();
  JournalEntry entry = evil.journal().next_entry(Act(SetsProved{}));
  REQUIRE(error_code([&] {
            commit(evil, [&](const State& state) {
              SetsProved act;
              const SnapshotState victim = state.snapshots.at(run.first);
              act.replaced = {{{run.first, victim.set.hash}, run.content.draw_id<ObjectHash>()}};
              act.key_segments = {run.content.draw_id<ObjectHash>()};
              return Act(std::move(act));
            });
          }) == Code::refused);
}

// Attack 11.

TEST_CASE("of a block that is stored twice the copy that nobody needs goes") {
  Collected run;
  run.write_news(300'000, "twice");
  Repository other = run.open();
  run.backup(other, "theirs");  // a writer's, which the owner does not rely on
  const SnapshotId ours = run.take();
  run.collect();
  const std::uint64_t both = run.pack_bytes();
  const SnapshotId theirs = [&] {
    SnapshotId out;
    for (const SnapshotPtr& each : run.owner_repository.state().live_snapshots()) {
      if (each->taken.source == "theirs") out = each->taken.snapshot;
    }
    return out;
  }();
  run.forget_all({theirs});
  run.collect({.unused_percent = 0});
  REQUIRE(run.pack_bytes() + 250'000 < both);
  run.require_all_sound();
  require_restored(run.owner, run.owner_repository, run, ours, "twice");
}

// Attacks 7, 8: cut off anywhere, and another one goes on; everybody comes to the same index.
