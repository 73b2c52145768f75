// Several processes of one machine share a state directory: what one of them does in the midst of
// another's work.
#include <fstream>
#include <functional>

#include <sys/stat.h>

#include "engine/blocks/index_loader.h"
#include "engine/catalog/catalog.h"
#include "engine/format/limits.h"
#include "engine/journal/journal.h"
#include "tests/support/attacker.h"
#include "tests/support/roles.h"

using namespace kist;
using namespace kist::test;

namespace {

// Lets another process work when a grant's second copy is looked at, when a head has been made
// durable, and before an object is replaced.
class SharedMoments final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  std::optional<std::uint64_t> size(const std::string& name) override {
    if (name.starts_with("grants/") && name != first_copy_path(name)) happen(on_grant);
    return ForwardingStore::size(name);
  }

  void confirm(const std::string& name) override {
    ForwardingStore::confirm(name);
    happen(on_head);
  }

  void replace(const std::string& name, View bytes) override {
    happen(on_replace);
    ForwardingStore::replace(name, bytes);
  }

  std::function<void()> on_grant;
  std::function<void()> on_head;
  std::function<void()> on_replace;

 private:
  static void happen(std::function<void()>& moment) {
    if (moment) std::exchange(moment, {})();
  }
};

// As another process with the state directory of the roles' other machine, or of the owner's.
Repository open_beside(Roles& roles, const std::shared_ptr<Store>& store, bool is_owner) {
  Machine& machine = is_owner ? roles.owner : roles.other;
  return open_repository(store, Machine::credential(is_owner ? 7 : 9),
                         {.state_parent = machine.state.path(), .slot = {}}, machine.services());
}

std::size_t count_locks(const std::string& path) {
  struct stat status {};

  REQUIRE(::stat(path.c_str(), &status) == 0);
  std::ifstream locks("/proc/locks");
  const std::string inode = concat(":", status.st_ino, " ");
  std::size_t out = 0;
  for (std::string line; std::getline(locks, line);) {
    if (line.find(inode) != std::string::npos) ++out;
  }
  return out;
}

}  // namespace

TEST_CASE("slots are healed while another process goes on with the journal") {
  Roles roles(writer_capabilities);
  const auto store = std::make_shared<SharedMoments>(*roles.store);
  Repository repository = open_beside(roles, store, true);
  for (const auto& [name, bytes] : roles.store->objects()) {
    if (name.starts_with("grants/") && name == first_copy_path(name)) {
      roles.store->overwrite(name, random_bytes(roles.content, 100));
    }
  }
  const auto before = repository.state().next_sequence;
  store->on_grant = [&] { roles.owner.backup(roles.owner_repository, roles.source / "tree"); };
  const VerifyReport report = verify(repository, {.repairs = true});
  REQUIRE(report.healed == 2);
  REQUIRE(repository.state().next_sequence > before);
  REQUIRE(verify(repository, {}).findings.empty());
}

TEST_CASE("a backup that another process carries into a new epoch has its keys in that one") {
  Roles roles(writer_capabilities);
  const auto hooked = std::make_shared<SharedMoments>(*roles.store);
  Repository beside = roles.open();
  const auto end_next = [&] {  // an entry that the other process sees, then an end that it does not
    roles.owner.backup(roles.owner_repository, roles.source / "tree");
    roles.backup(beside, "desk");
    beside.blocks().index();
    end_epoch(roles.owner_repository, {.forgets = true});
  };
  const auto watched = std::make_shared<WatchedStore>(*hooked, "keys/", [&] {
    roles.owner.backup(roles.owner_repository, roles.source / "tree");
    hooked->on_head = end_next;
  });
  Repository writer = open_beside(roles, watched, false);
  roles.write_news(30'000);
  const SnapshotId snapshot = roles.backup(writer, "laptop").snapshot;
  REQUIRE_FALSE(hooked->on_head);
  roles.owner_repository.journal().replay();
  REQUIRE(roles.owner_repository.state().epoch_number == 1);
  REQUIRE(writer.state().clients.at({writer.keyring().slot(), writer.local().client()}) == 1);
  require_restored(roles.owner, roles.owner_repository, roles, snapshot, "news");
}

TEST_CASE("a repair does not bring back what a new secret has replaced meanwhile") {
  Roles roles(writer_capabilities);
  const auto store = std::make_shared<SharedMoments>(*roles.store);
  Repository repository = open_beside(roles, store, true);
  const std::string name = slot_path(repository.keyring().slot(), 1);
  roles.store->overwrite(name, random_bytes(roles.content, 100));
  store->on_replace = [&] {
    rewrap_slot(roles.owner_repository, Machine::credential(21), argon2_floor);
  };
  verify(repository, {.repairs = true});  // begins again
  REQUIRE_FALSE(store->on_replace);
  for (const auto& [there, bytes] : roles.store->objects()) {
    REQUIRE(first_copy_path(there) != name);
  }
}

TEST_CASE("a repair that an epoch's end overtakes removes nothing that still counts") {
  Roles roles(writer_capabilities);
  const auto store = std::make_shared<SharedMoments>(*roles.store);
  Repository repository = open_beside(roles, store, true);
  const std::string folder = GENERATE("grants/", "slots/", "epochs/", "bodies/", "journal/");
  for (const auto& [name, bytes] : roles.store->objects()) {
    if (!name.starts_with(folder) || name != first_copy_path(name)) continue;
    roles.store->overwrite(name, random_bytes(roles.content, 100));
    break;
  }
  store->on_replace = [&] { end_epoch(roles.owner_repository, {}); };
  verify(repository, {.repairs = true});  // begins again
  REQUIRE_FALSE(store->on_replace);
  REQUIRE(repository.state().epoch_number == 1);
  REQUIRE(verify(repository, {}).findings.empty());
  for (const auto& [name, bytes] : roles.store->objects()) {
    if (!name.starts_with("epochs/")) continue;
    const auto parsed = parse_epoch_box_path(first_copy_path(name.substr(7)));
    REQUIRE(parsed->epoch_number == 1);
  }
}

TEST_CASE("a catalog that is opened a second time keeps the locks of the first") {
  const TemporaryDirectory directory;
  const std::string path = directory / "catalog";
  const Catalog catalog(path, {});
  const std::size_t held = count_locks(path + "/lock.mdb");
  REQUIRE(held > 0);
  const Catalog again(path, {});
  REQUIRE(count_locks(path + "/lock.mdb") == held);
}
