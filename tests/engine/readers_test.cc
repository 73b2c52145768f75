// Who reads while collections end what lies below: blocks move, their packs and keys go, and a
// restore, a cat or a verify goes on.
#include <atomic>
#include <filesystem>

#include "engine/ops/browse/browse.h"
#include "engine/ops/browse/compare.h"
#include "engine/repository/set_prover.h"
#include "tests/engine/collected.h"
#include "tests/support/forwarding_store.h"

using namespace kist;
using namespace kist::test;

namespace {

// Calls `meanwhile` before each n-th read of a pack, or of what it is told to watch, as often as it
// is told to.
class ReadStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  std::size_t get_range(const std::string& path, std::uint64_t offset, MutableView out) override {
    step(path);
    return ForwardingStore::get_range(path, offset, out);
  }

  std::optional<std::uint64_t> size(const std::string& path) override {
    step(path);
    return ForwardingStore::size(path);
  }

  void hold(std::uint64_t every, std::uint64_t times, std::function<void()> meanwhile) {
    const std::lock_guard lock(mutex_);
    every_ = every;
    times_ = times;
    meanwhile_ = std::move(meanwhile);
  }

  [[nodiscard]] bool is_done() const { return times_ == 0; }

  std::string watched = "packs/";

 private:
  void step(const std::string& path) {
    if (!path.starts_with(watched)) return;
    const std::lock_guard lock(mutex_);
    if (times_ == 0 || ++count_ % every_ != 0) return;
    --times_;
    meanwhile_();
  }

  std::mutex mutex_;
  std::uint64_t every_ = 1;
  std::uint64_t times_ = 0;
  std::uint64_t count_ = 0;
  std::function<void()> meanwhile_;
};

// A snapshot of twelve files, in packs that hold as much that only the snapshot before it needed;
// and an owner's second machine, which reads.
struct Read : Collected {
  Read() {
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i < 4; ++i) {
        write_news(60'000, concat("gone-", round, "-", i));
        write_news(60'000, concat("file-", round, "-", i));
      }
      dead.push_back(take());
      for (int i = 0; i < 4; ++i) {
        remove_file(concat("gone-", round, "-", i));
      }
    }
    read = take();
    there.journal().replay();
    there.blocks().index();
  }

  // One of the snapshots before it is forgotten, and its space comes back: what lives in its packs
  // moves, and packs, index segments and key segments go.
  void collect_one() {
    if (!dead.empty()) {
      forget_all({dead.back()});
      dead.pop_back();
    }
    owner_repository.journal().replay();
    collect({.unused_percent = 0, .grace_seconds = 0});
  }

  [[nodiscard]] Selection at(const std::string& path, const SnapshotId& snapshot) const {
    return {.snapshot = std::make_shared<const SnapshotState>(there.state().snapshots.at(snapshot)),
            .path = path};
  }

  [[nodiscard]] Selection at(const std::string& path) const { return at(path, read); }

  void require_undamaged() {
    REQUIRE(store_there->is_done());
    REQUIRE(laptop.observer.problems.empty());
    REQUIRE(there.local().damage().packs().empty());
  }

  std::vector<SnapshotId> dead;
  SnapshotId read;
  std::shared_ptr<ReadStore> store_there = std::make_shared<ReadStore>(*store);
  Machine laptop{store_there, 6};
  Repository there = laptop.open();
};

}  // namespace

TEST_CASE("a restore survives collections that move what it reads, as often as they come") {
  Read run;
  const unsigned every = GENERATE(1U, 2U);
  run.store_there->hold(every, 3, [&] { run.collect_one(); });
  const TemporaryDirectory target;
  const RestoreResult result =
      run.laptop.restore(run.there, run.read, run.source / "tree", target / "out");
  REQUIRE(result.problems == 0);
  REQUIRE(compare_trees(run.source / "tree", target / "out").empty());
  run.require_undamaged();
  REQUIRE(run.there.state().epoch_number >= 2);
}

TEST_CASE("files are listed, read, found and compared while collections move them") {
  Read run;
  const std::string tree = (run.source / "tree").substr(1);
  run.store_there->hold(1, 1, [&] { run.collect_one(); });
  std::size_t count = 0;
  list_entries(run.there, run.at(tree), true, [&](const Entry& /*entry*/) { ++count; });
  REQUIRE(count > 12);
  run.require_undamaged();
  run.store_there->hold(1, 1, [&] { run.collect_one(); });
  Bytes content;
  read_content(run.there, run.at(tree + "/file-1-2"),
               [&](View piece) { content.insert(content.end(), piece.begin(), piece.end()); });
  REQUIRE(content == slurp(run.source / "tree/file-1-2"));
  run.require_undamaged();
  run.store_there->hold(2, 1, [&] { run.collect_one(); });
  const DifferenceTotals totals = diff_snapshots(run.there, run.at(tree, run.first), run.at(tree),
                                                 [](const Difference& /*difference*/) {});
  REQUIRE(totals.added == 12);
  run.require_undamaged();
}

TEST_CASE("snapshots are listed and counted while a collection removes their keys") {
  Read run;
  run.collect_one();
  REQUIRE(list_snapshots(run.there).size() >= 2);
  run.require_undamaged();
}

TEST_CASE("what is forgotten and collected while it is restored is said, and is no damage") {
  Read run;
  const SnapshotId doomed = run.dead.back();
  const unsigned at = GENERATE(1U, 4U);
  run.store_there->hold(at, 1, [&] { run.collect_one(); });
  const TemporaryDirectory target;
  RestoreResult result;
  const auto failure = failure_of(
      [&] { result = run.laptop.restore(run.there, doomed, run.source / "tree", target / "out"); });
  REQUIRE(run.store_there->is_done());
  if (at == 1) {
    REQUIRE(failure);
    REQUIRE(failure->code() == Code::failed);
    REQUIRE(failure->text().find("was forgotten") != std::string::npos);
  } else {
    REQUIRE(result.problems > 0);
    REQUIRE(result.damaged == 0);
    REQUIRE(run.laptop.observer.problems.front().find("was forgotten") != std::string::npos);
  }
  REQUIRE(run.there.local().damage().packs().empty());
}

TEST_CASE("a verify that collections overtake finds nothing wrong, and reads no pack twice") {
  Read run;
  const unsigned every = GENERATE(1U, 3U, 8U);
  const unsigned threads = GENERATE(1U, 2U);
  run.store_there->hold(every, 3, [&] { run.collect_one(); });
  const VerifyReport report =
      verify(run.there, {.level = VerifyLevel::content, .threads = threads});
  INFO(findings_of(report));
  REQUIRE(report.findings.empty());
  run.require_undamaged();
  REQUIRE(report.bytes_read < 4 * run.pack_bytes());
}

TEST_CASE("a pack that is missing while others commit is found missing, without an end") {
  Read run;
  const std::string lost = names_of(*run.store, "packs/").front();
  const std::map<std::string, Bytes> kept = take_away(*run.store, lost);
  run.store_there->hold(1, 100, [&] { run.take(); });
  const VerifyReport report = verify(run.there, {.level = VerifyLevel::content, .threads = 2});
  REQUIRE(findings_of(report).find(lost) != std::string::npos);
  REQUIRE(findings_of(report).find("meanwhile") == std::string::npos);
  REQUIRE(run.there.local().damage().packs().size() == 1);
}

namespace {

// Many small segments, which two collections merge and remove: no epoch ends for that.
struct Merged : Collected {
  Merged() {
    for (int i = 0; i < 17; ++i) {
      write_news(20'000, concat("file", i));
      newest = take();
    }
    there.journal().replay();
    store_there->watched = "index/";
    store_there->hold(3, 1, [&] {
      collect();
      collect();
      REQUIRE(owner_repository.state().epoch_number == 0);
    });
  }

  std::shared_ptr<ReadStore> store_there = std::make_shared<ReadStore>(*store);
  Machine laptop{store_there, 6};
  Repository there = laptop.open();
  SnapshotId newest;
};

}  // namespace

TEST_CASE("a restore whose index segments are replaced as it loads them leaves nothing out") {
  Merged run;
  const TemporaryDirectory target;
  const RestoreResult result =
      run.laptop.restore(run.there, run.newest, run.source / "tree", target / "out");
  REQUIRE(run.store_there->is_done());
  REQUIRE(result.problems == 0);
  REQUIRE(compare_trees(run.source / "tree", target / "out").empty());
}

TEST_CASE("a verify whose index segments are replaced as it reads them finds nothing wrong") {
  Merged run;
  const VerifyReport report = verify(run.there, {.level = VerifyLevel::content, .threads = 1});
  REQUIRE(run.store_there->is_done());
  INFO(findings_of(report));
  REQUIRE(report.findings.empty());
}

TEST_CASE("a verify under which blocks are moved, and no epoch ends, finds nothing wrong") {
  Read run;
  run.forget_all({run.dead.back()});
  run.collect({.unused_percent = 100, .grace_seconds = 3'600});
  Repository there = run.laptop.open();
  const std::uint64_t entries = there.state().next_sequence;
  run.store_there->watched = "journal/";
  run.store_there->hold(1, 1, [&] { run.collect({.unused_percent = 0, .grace_seconds = 3'600}); });
  const VerifyReport report = verify(there, {.level = VerifyLevel::content, .threads = 1});
  INFO(findings_of(report));
  REQUIRE(report.findings.empty());
  REQUIRE(run.store_there->is_done());
  REQUIRE(there.state().epoch_number == 1);
  REQUIRE(there.state().next_sequence > entries + 1);
  REQUIRE_FALSE(there.state().dead.empty());
}

TEST_CASE("a set that was compared is not vouched for once its snapshot has ended") {
  Read run;
  const SnapshotId ending = run.dead.back();
  SetProver prover(run.there);
  prover.note_equal(run.there.state().snapshots.at(ending));
  prover.note_equal(run.there.state().snapshots.at(run.read));
  run.collect_one();
  prover.commit();
  REQUIRE_FALSE(run.there.state().snapshots.at(ending).is_live);
  REQUIRE(prover.proved_count() == 1);
}

TEST_CASE("a backup that looks at a pack which has ended meanwhile does not take it for lost") {
  Read run;
  Repository other = run.open();
  const TemporaryDirectory tree;
  write_file(tree / "file-0-0", slurp(run.source / "tree/file-0-0"));
  write_file(tree / "own", random_bytes(run.content, 50'000));
  const auto take = [&] {
    run.pass(60LL * 24 * 40);  // every pack is to be looked at anew
    BackupOptions options{.paths = {tree / ""}, .source = "desk", .threads = 1};
    return kist::backup(other, options);
  };
  static_cast<void>(verify_content(run.owner_repository));  // so that it may rely on others' blocks
  static_cast<void>(take());
  SECTION("it has ended") {
    run.collect_one();
    const BackupResult result = take();
    REQUIRE(result.lost_packs.empty());
    REQUIRE(other.local().damage().packs().empty());
  }
  SECTION("it is gone, and others commit") {
    for (const std::string& pack : names_of(*run.store, "packs/")) {
      run.store->remove(pack);
    }
    run.take();
    const BackupResult result = take();
    REQUIRE_FALSE(result.lost_packs.empty());
    REQUIRE(other.local().damage().packs() == result.lost_packs);
  }
}

namespace {

// Shows an entry's first copy from the second look on: its author was at it just then.
class LateEntry final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  std::optional<std::uint64_t> size(const std::string& path) override {
    return is_hidden(path) ? std::nullopt : ForwardingStore::size(path);
  }

  std::size_t get_range(const std::string& path, std::uint64_t offset, MutableView out) override {
    if (is_hidden(path)) throw Error(Code::missing, path + " is missing");
    return ForwardingStore::get_range(path, offset, out);
  }

  std::string hidden;

 private:
  bool is_hidden(const std::string& path) {
    if (path != hidden) return false;
    hidden.clear();
    return true;
  }
};

}  // namespace

TEST_CASE("an entry that comes between two looks is not said to have been missing") {
  Collected run;
  const auto store = std::make_shared<LateEntry>(*run.store);
  Machine laptop(store, 6);
  Repository there = laptop.open();
  store->hidden = journal_path(there.state().next_sequence);
  const SnapshotId snapshot = run.take();
  there.journal().replay();
  REQUIRE(store->hidden.empty());
  REQUIRE(there.state().snapshots.find(snapshot));
  REQUIRE(laptop.observer.notices.empty());
}

TEST_CASE("that another machine has ended epochs is no loss of the box that this one had") {
  Collected run;
  Machine laptop(run.store, 6);
  static_cast<void>(laptop.open());
  rotate(run);
  rotate(run);
  Repository there = laptop.open();
  REQUIRE(there.state().epoch_number == 2);
  REQUIRE(laptop.observer.notices.empty());
  // Of the current one it is.
  const std::string box = epoch_box_path(2, there.state().epoch, there.keyring().slot());
  const auto kept = take_away(*run.store, box);
  static_cast<void>(laptop.open());
  REQUIRE(laptop.observer.notices.size() == 1);
  REQUIRE(laptop.observer.notices.front().starts_with(box));
  put_back(*run.store, kept);
}

TEST_CASE("an epoch that ends while a machine enters it takes no box that is missed") {
  Collected run;
  const auto store = std::make_shared<ReadStore>(*run.store);
  store->watched = "epochs/";
  Machine laptop(store, 6);
  static_cast<void>(laptop.open());
  rotate(run);  // so that the box which this machine has kept is not of it
  store->hold(GENERATE(1U, 2U, 3U, 4U, 5U, 6U), 1, [&] { rotate(run); });
  const Repository there = laptop.open();
  REQUIRE(store->is_done());
  REQUIRE(there.state().epoch_number == 2);
  REQUIRE(laptop.observer.notices.empty());
}
