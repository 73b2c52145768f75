// What storage, accidents and other machines can do around a collection: it loses nothing, whatever
// comes between its steps.
#include "tests/engine/collect_attackers.h"

using namespace kist;
using namespace kist::test;

TEST_CASE("a collection that is cut off anywhere loses nothing, and another one completes it") {
  std::uint64_t at = 0;
  for (bool was_cut = true; was_cut; at += stride()) {
    Collected run;
    for (int i = 0; i < 6; ++i) {
      run.write_news(60'000, "file" + std::to_string(i));
    }
    const SnapshotId all = run.take();
    for (int i = 1; i < 6; ++i) {
      run.remove_file("file" + std::to_string(i));
    }
    const SnapshotId one = run.take();
    run.forget_all({all});
    HeldOwner held(run);
    const std::uint64_t before = run.pack_bytes();
    was_cut = !held.ends_within(at, {.unused_percent = 0, .grace_seconds = 0});
    INFO("before change " << at);
    run.owner_repository.journal().replay();
    run.collect({.unused_percent = 0, .grace_seconds = 0});
    static_cast<void>(remove_ended_objects(run.owner_repository));
    REQUIRE(run.pack_bytes() + 200'000 < before);
    run.require_all_sound();
    require_same_index(run);
    require_restored(run.owner, run.owner_repository, run, one, "file0");
    REQUIRE(run.owner_repository.state().snapshots.at(all).is_forgotten);
  }
  REQUIRE(at > 20);
}

TEST_CASE("two collections at once, at any step of the one, lose nothing") {
  std::uint64_t at = 0;
  for (bool has_held = true; has_held; at += stride()) {
    Collected run;
    for (int i = 0; i < 6; ++i) {
      run.write_news(60'000, "file" + std::to_string(i));
    }
    const SnapshotId all = run.take();
    for (int i = 1; i < 6; ++i) {
      run.remove_file("file" + std::to_string(i));
    }
    const SnapshotId one = run.take();
    run.forget_all({all});
    HeldOwner held(run);
    held.stop.hold(at, false, [&] {
      run.owner_repository.journal().replay();
      run.collect({.unused_percent = 0, .grace_seconds = 0});
      static_cast<void>(run.take());
    });
    INFO("before change " << at);
    const auto failure =
        failure_of([&] { held.collect({.unused_percent = 0, .grace_seconds = 0}); });
    has_held = held.stop.has_held();
    INFO((failure ? failure->text() : ""));
    if (failure) CHECK(failure->code() == Code::conflict);
    run.owner_repository.journal().replay();
    run.collect({.unused_percent = 0, .grace_seconds = 0});
    static_cast<void>(remove_ended_objects(run.owner_repository));
    run.require_all_sound();
    require_same_index(run);
    require_restored(run.owner, run.owner_repository, run, one, "file0");
  }
  REQUIRE(at > 20);
}

TEST_CASE("a collection without grace takes nothing from a backup that is under way") {
  std::uint64_t at = 0;
  for (bool has_held = true; has_held; at += stride()) {
    Collected run;
    run.write_news(200'000, "mine");
    HeldStore stop(*run.store);
    Machine late(not_owned(stop), 5);
    late.clock.advance_ms(run.owner.clock.now_ms() - late.clock.now_ms());
    Repository repository = late.open(9);
    stop.hold(at, false, [&] { run.collect({.unused_percent = 0, .grace_seconds = 0}); });
    const BackupOptions options{.paths = {run.source / "tree"}, .source = "late", .threads = 1};
    INFO("before change " << at);
    const BackupResult result = backup(repository, options);
    has_held = stop.has_held();
    static_cast<void>(remove_ended_objects(run.owner_repository));
    run.require_all_sound();
    require_same_index(run);
    require_restored(run.owner, run.owner_repository, run, result.snapshot, "mine");
  }
  REQUIRE(at > 8);
}

// Attack 9.

TEST_CASE("what a backup left that was cut off goes, and its next run stores it again") {
  Collected run;
  run.write_news(200'000, "mine");
  HeldStore stop(*run.store);
  Machine late(not_owned(stop), 5);
  late.clock.advance_ms(run.owner.clock.now_ms() - late.clock.now_ms());
  Repository repository = late.open(9);
  const BackupOptions options{.paths = {run.source / "tree"}, .source = "late", .threads = 1};
  const std::uint64_t before = run.pack_bytes();
  stop.hold(6, true, [] {});
  REQUIRE_THROWS_AS(backup(repository, options), CutOff);
  stop.hold(std::numeric_limits<std::uint64_t>::max(), false, {});
  REQUIRE(run.pack_bytes() > before);
  REQUIRE(run.collect().condemned_unnamed > 0);
  REQUIRE(run.pack_bytes() > before);
  run.pass(25LL * 60);
  run.collect();
  REQUIRE(run.pack_bytes() <= before);
  const SnapshotId done = backup(repository, options).snapshot;
  static_cast<void>(remove_ended_objects(run.owner_repository));
  run.require_all_sound();
  require_restored(run.owner, run.owner_repository, run, done, "mine");
}

// Attack 40.

TEST_CASE("an object that lands after it was removed counts for nobody, and goes with the next") {
  Collected run;
  const SnapshotId old = take_and_forget(run, 300'000, "old");
  const std::vector<ObjectHash> packs = data_packs(run.owner_repository, old);
  const std::map<std::string, Bytes> objects = run.store->objects();
  run.collect({.unused_percent = 0});
  for (const ObjectHash& pack : packs) {
    REQUIRE_FALSE(run.store->objects().contains(pack_path(pack)));
    run.store->put(pack_path(pack), objects.at(pack_path(pack)));
  }
  // And somebody claims them anew.
  Repository evil = run.open();
  std::vector<std::string> names;
  names.reserve(packs.size());
  for (const ObjectHash& pack : packs) {
    names.push_back(pack_path(pack));
  }
  claim_packs(evil, run.content, names);
  run.owner_repository.journal().replay();
  const BlockIndex::Reader index(run.owner_repository.blocks().index());
  for (const ObjectHash& pack : packs) {
    REQUIRE_FALSE(index.find_pack(pack));
  }
  require_same_index(run);
}

// Attack 30.

namespace {

// Lists nothing, or half of it.
class ListingHalfStore final : public ForwardingStore {
 public:
  ListingHalfStore(Store& store, int share) : ForwardingStore(store), share_(share) {}

  void list(const std::string& folder,
            const std::function<void(const std::string&)>& each) override {
    const bool is_spared = folder == "slots" || folder == "grants" || folder == "epochs";
    int count = 0;
    ForwardingStore::list(folder, [&](const std::string& name) {
      if (is_spared || (share_ != 0 && ++count % share_ == 0)) each(name);
    });
  }

  void list_sizes(const std::string& folder,
                  const std::function<void(const std::string&, std::uint64_t)>& each) override {
    list(folder,
         [&](const std::string& name) { each(name, size(folder + "/" + name).value_or(0)); });
  }

 private:
  int share_;
};

}  // namespace

TEST_CASE("a listing that leaves things out takes nothing that is needed") {
  Collected run;
  const int share = GENERATE(0, 2);
  static_cast<void>(take_and_forget(run, 300'000, "old"));
  ListingHalfStore lossy(*run.store, share);
  Machine machine(not_owned(lossy), 8);
  machine.clock.advance_ms(run.owner.clock.now_ms() - machine.clock.now_ms() + 60'000);
  Repository repository = machine.open();
  REQUIRE(
      kist::collect(repository, {.unused_percent = 0, .grace_seconds = 0, .threads = 1}).entries ==
      1);
  run.owner_repository.journal().replay();
  run.collect({.unused_percent = 0, .grace_seconds = 0});
  static_cast<void>(remove_ended_objects(run.owner_repository));
  run.require_all_sound();
  require_restored(run.owner, run.owner_repository, run, run.first);
}

// Attack 15.

namespace {

// Puts all at once, by another store's put().
class WholeWriter final : public ObjectWriter {
 public:
  explicit WholeWriter(Store& store) : store_(store) {}

  void append(View bytes) override { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }

  void finish(const std::string& path) override { store_.put(path, bytes_); }

 private:
  Store& store_;
  Bytes bytes_;
};

// Keeps another object than the one that is put, in one folder.
class FlippingStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  std::unique_ptr<ObjectWriter> begin_put() override {
    return std::make_unique<WholeWriter>(*this);
  }

  void put(const std::string& name, View bytes) override {
    Bytes copy(bytes.begin(), bytes.end());
    if (is_on && name.starts_with(folder)) copy[copy.size() / 2] ^= 1;
    ForwardingStore::put(name, copy);
  }

  bool put_if_absent(const std::string& name, View bytes) override {
    Bytes copy(bytes.begin(), bytes.end());
    if (is_on && name.starts_with(folder)) copy[copy.size() / 2] ^= 1;
    return ForwardingStore::put_if_absent(name, copy);
  }

  bool is_on = false;
  std::string folder;
};

}  // namespace

TEST_CASE("nothing goes where a new key segment, index segment or pack is not what was meant") {
  Collected run;
  for (int i = 0; i < 6; ++i) {
    run.write_news(60'000, "file" + std::to_string(i));
  }
  const SnapshotId all = run.take();
  for (int i = 1; i < 6; ++i) {
    run.remove_file("file" + std::to_string(i));
  }
  const SnapshotId one = run.take();
  run.forget_all({all});
  FlippingStore flipping(*run.store);
  Machine machine(not_owned(flipping), 8);
  machine.clock.advance_ms(run.owner.clock.now_ms() - machine.clock.now_ms() + 60'000);
  Repository repository = machine.open();
  flipping.folder = GENERATE("keys/", "index/", "packs/", "epochs/", "anchors/");
  flipping.is_on = true;
  INFO(flipping.folder);
  const std::vector<std::string> packs = pack_names(*run.store);
  REQUIRE(failure_of(
      [&] { kist::collect(repository, {.unused_percent = 0, .grace_seconds = 0, .threads = 1}); }));
  for (const std::string& pack : packs) {
    REQUIRE(run.store->objects().contains(pack));
  }
  run.owner_repository.journal().replay();
  REQUIRE_FALSE(run.owner_repository.state().snapshots.at(all).has_ended());
  run.collect({.unused_percent = 0, .grace_seconds = 0});
  static_cast<void>(remove_ended_objects(run.owner_repository));
  run.require_all_sound();
  require_restored(run.owner, run.owner_repository, run, one, "file0");
}

// Attack 47.

TEST_CASE("a key add that a collection overtakes is made anew, and opens") {
  std::uint64_t at = 0;
  for (bool has_held = true; has_held; ++at) {
    Collected run;
    static_cast<void>(take_and_forget(run, 100'000, "old"));
    HeldStore stop(*run.store);
    Machine second(not_owned(stop), 5);
    second.clock.advance_ms(run.owner.clock.now_ms() - second.clock.now_ms());
    Repository repository = second.open();
    stop.hold(at, false, [&] { run.collect({.unused_percent = 0, .grace_seconds = 0}); });
    INFO("before change " << at);
    add_slot(repository, Machine::credential(11), argon2_floor, "new", owner_capabilities);
    has_held = stop.has_held();
    static_cast<void>(remove_ended_objects(run.owner_repository));
    Machine third(run.store, 6);
    Repository theirs = third.open(11);
    require_sound(theirs);
  }
  REQUIRE(at > 4);
}
