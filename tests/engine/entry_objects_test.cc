// The objects that an entry names: whoever removes one before the entry, it is there again after
// it; whoever gives the entry up leaves them, for it may land later; and what no entry names is
// nothing to rely on.
#include <functional>
#include <map>
#include <mutex>
#include <set>

#include "engine/format/names.h"
#include "engine/store/twins.h"
#include "tests/support/attacker.h"
#include "tests/support/forwarding_store.h"
#include "tests/support/held_store.h"
#include "tests/support/roles.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

constexpr std::uint8_t newcomer_key = 10;

// A place where somebody who knows nothing of the journal removes, right before the next entry,
// what was put below a folder. `for_good`: what is put there again goes at once as well.
class RemovingStore final : public ForwardingStore {
 public:
  RemovingStore(Store& store, std::string folder, bool for_good = false)
      : ForwardingStore(store), folder_(std::move(folder)), for_good_(for_good) {}

  void put(const std::string& path, View bytes) override {
    if (for_good_ && removed.contains(path)) return;
    note(path);
    ForwardingStore::put(path, bytes);
  }

  bool put_if_absent(const std::string& path, View bytes) override {
    note(path);
    if (path.starts_with("journal/")) remove_noted();
    return ForwardingStore::put_if_absent(path, bytes);
  }

  std::set<std::string> removed;

 private:
  void note(const std::string& path) {
    if (path.starts_with(folder_) && removed.empty()) put_.insert(path);
  }

  void remove_noted() {
    for (const std::string& path : put_) {
      ForwardingStore::remove(path);
    }
    removed.merge(put_);
  }

  std::string folder_;
  bool for_good_;
  std::set<std::string> put_;
};

// Gives no answer to the put of an entry, and does it when it is told to. Knows what else was put.
class SilentStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  void put(const std::string& path, View bytes) override {
    note(path);
    ForwardingStore::put(path, bytes);
  }

  bool put_if_absent(const std::string& path, View bytes) override {
    if (!path.starts_with("journal/")) return ForwardingStore::put_if_absent(path, bytes);
    entry_ = {path, Bytes(bytes.begin(), bytes.end())};
    throw Error(Code::failed, "no answer");
  }

  // Whether the entry has won its number.
  bool land() { return ForwardingStore::put_if_absent(entry_.first, entry_.second); }

  std::set<std::string> put_paths;

 private:
  void note(const std::string& path) {
    const std::lock_guard lock(mutex_);
    put_paths.insert(path);
  }

  std::mutex mutex_;
  std::pair<std::string, Bytes> entry_;
};

// Cuts a client off before it puts its entry.
class NoEntryStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  bool put_if_absent(const std::string& path, View bytes) override {
    if (path.starts_with("journal/")) throw CutOff();
    return ForwardingStore::put_if_absent(path, bytes);
  }
};

// One of the commands that put objects and then an entry which names them, by the second owner.
void run_command(const std::string& command, const Roles& roles, Repository& repository) {
  if (command == "key add") {
    add_slot(repository, Machine::credential(newcomer_key), argon2_floor, "new");
  } else if (command == "key passwd") {
    rewrap_slot(repository, Machine::credential(newcomer_key), argon2_floor);
  } else if (command == "an epoch's end") {
    end_epoch(repository, {});
  } else {
    BackupOptions options;
    options.paths = {roles.source / "tree"};
    options.source = "laptop";
    backup(repository, options);
  }
}

// What the command was to bring about is so, for a machine that was never here.
void require_effect(const std::string& command, const Roles& roles) {
  Machine fresh(roles.store, 30);
  Repository there = fresh.open(command.starts_with("key") ? newcomer_key : std::uint8_t{7});
  require_restored(fresh, there, roles, roles.first);
  if (command == "an epoch's end") REQUIRE(there.state().epoch_number == 1);
  if (command != "backup") return;
  const SnapshotPtr newest = there.state().live_snapshots().back();
  REQUIRE(newest->taken.source == "laptop");
  require_restored(fresh, there, roles, newest->taken.snapshot, "news");
}

// A second owner whose entry had no answer, and who has given up. An owner cleans up after that.
struct GivenUp : Roles {
  explicit GivenUp(const std::string& command) : Roles(owner_capabilities) {
    write_news(60'000);
    Machine slow(silent, 6);
    Repository repository = slow.open(9);
    REQUIRE(error_code([&] { run_command(command, *this, repository); }) == Code::failed);
    require_kept();
    owner_repository.journal().replay();
    verify(owner_repository, {.repairs = true});
    require_kept();
  }

  void require_kept() const {
    const auto objects = store->objects();
    for (const std::string& path : silent->put_paths) {
      INFO(path);
      REQUIRE(objects.contains(path));
    }
  }

  std::shared_ptr<SilentStore> silent = std::make_shared<SilentStore>(*store);
};

}  // namespace

TEST_CASE("what somebody removes of a key add before its entry is put again after it") {
  const std::string folder = GENERATE("slots/", "grants/", "epochs/");
  Roles roles(writer_capabilities);
  const auto removing = std::make_shared<RemovingStore>(*roles.store, folder);
  Machine owner(removing, 6);
  Repository repository = owner.open();
  add_slot(repository, Machine::credential(newcomer_key), argon2_floor, "new");
  REQUIRE(removing->removed.size() == 2);
  for (const std::string& path : removing->removed) {
    REQUIRE(roles.store->objects().contains(path));
  }
  Machine newcomer(roles.store, 8);
  Repository there = newcomer.open(newcomer_key);
  require_restored(newcomer, there, roles, roles.first);
  REQUIRE(verify(there, {}).findings.empty());
}

TEST_CASE("what somebody removes of a passwd before its entry is put again after it") {
  Roles roles(writer_capabilities);
  const auto removing = std::make_shared<RemovingStore>(*roles.store, "slots/");
  Machine owner(removing, 6);
  Repository repository = owner.open();
  rewrap_slot(repository, Machine::credential(newcomer_key), argon2_floor);
  REQUIRE(removing->removed.size() == 2);
  for (const std::string& path : removing->removed) {
    REQUIRE(roles.store->objects().contains(path));
  }
  Machine again(roles.store, 8);
  Repository there = again.open(newcomer_key);
  REQUIRE(verify(there, {}).findings.empty());
  Machine former(roles.store, 9);
  REQUIRE(error_code([&] { former.open(); }) == Code::wrong_secret);
}

TEST_CASE("a key add or passwd whose objects do not stay is not said to be done") {
  Roles roles(writer_capabilities);
  const std::string folder = GENERATE("slots/", "grants/", "epochs/", "slots/ of a passwd");
  const bool is_passwd = folder.ends_with("passwd");
  const auto removing =
      std::make_shared<RemovingStore>(*roles.store, folder.substr(0, folder.find('/') + 1), true);
  Machine owner(removing, 6);
  Repository repository = owner.open();
  const std::string former = slot_path(repository.keyring().slot(), 1);
  const Credential secret = Machine::credential(newcomer_key);
  REQUIRE(error_code([&] {
            if (is_passwd) return rewrap_slot(repository, secret, argon2_floor);
            add_slot(repository, secret, argon2_floor, "new");
          }) == Code::missing);
  REQUIRE(removing->removed.size() == 2);
  // The secret before is not removed until the new one was read back.
  REQUIRE(roles.store->objects().contains(former));
  REQUIRE(roles.store->objects().contains(second_copy_path(former)));
}

TEST_CASE("an entry that lands after its author gave up counts, and all that it names is there") {
  const std::string command = GENERATE("backup", "key add", "key passwd", "an epoch's end");
  GivenUp roles(command);
  REQUIRE(roles.silent->land());
  require_effect(command, roles);
}

TEST_CASE("an entry that lands after another has taken its number changes nothing") {
  const std::string command = GENERATE("key add", "key passwd", "an epoch's end");
  GivenUp roles(command);
  roles.owner.backup(roles.owner_repository, roles.source / "tree");
  REQUIRE_FALSE(roles.silent->land());
  Machine slow(roles.store, 7);
  Repository repository = slow.open(9);
  REQUIRE(repository.state() == roles.owner_repository.state());
  run_command(command, roles, repository);
  require_effect(command, roles);
}

TEST_CASE("what a backup that was cut off has stored is nothing that the next one relies on") {
  Roles roles(writer_capabilities);
  roles.write_news(300'000);
  age_tree(roles.source / "tree");
  const auto before = roles.store->objects();
  {
    const auto cutting = std::make_shared<NoEntryStore>(*roles.store);
    Repository laptop = open_repository(cutting, Machine::credential(9),
                                        {.state_parent = roles.other.state.path(), .slot = {}},
                                        roles.other.services());
    REQUIRE_THROWS_AS(roles.backup(laptop, "laptop"), CutOff);
  }
  const auto after = roles.store->objects();
  if (GENERATE(false, true)) rotate(roles);
  Repository again = roles.open();
  const BackupResult result = roles.backup(again, "laptop");
  REQUIRE(result.statistics.bytes_new >= 300'000);
  // So one day all of it may go.
  std::size_t packs = 0;
  for (const auto& [path, bytes] : after) {
    if (before.contains(path) || path.starts_with("probe/")) continue;
    if (path.starts_with("packs/")) ++packs;
    roles.store->remove(path);
  }
  REQUIRE(packs > 0);
  roles.owner_repository.journal().replay();
  require_sound(roles.owner_repository);
  require_restored(roles.owner, roles.owner_repository, roles, result.snapshot, "news");
}
