// Listings that are empty, or fail: nothing is concluded from what they lack.
#include <map>

#include "engine/base/attempt.h"
#include "engine/format/names.h"
#include "tests/support/forwarding_store.h"
#include "tests/support/held_store.h"
#include "tests/support/roles.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

enum class Listing { whole, empty, failing };

// Gives every object by its name, and lists what it likes.
class ListlessStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  void list(const std::string& folder,
            const std::function<void(const std::string&)>& each) override {
    if (listing == Listing::failing) throw Error(Code::failed, "no listing");
    if (listing == Listing::whole) ForwardingStore::list(folder, each);
  }

  Listing listing = Listing::whole;
};

// An owner who has opened the repository while its store could be listed, and a machine of his.
struct Listless : Roles {
  explicit Listless(Capabilities capabilities = writer_capabilities) : Roles(capabilities) {}

  void require_kept(const std::map<std::string, Bytes>& before) const {
    const auto now = store->objects();
    for (const auto& [path, bytes] : before) {
      INFO(path);
      REQUIRE(now.contains(path));
      REQUIRE(now.at(path) == bytes);
    }
  }

  std::shared_ptr<ListlessStore> listless = std::make_shared<ListlessStore>(*store);
  Machine machine{listless, 6};
  Repository repository = machine.open();
};

}  // namespace

TEST_CASE("a machine that cannot list the store does not open it, and changes nothing there") {
  Listless run;
  run.listless->listing = GENERATE(Listing::empty, Listing::failing);
  const bool is_failing = run.listless->listing == Listing::failing;
  const auto before = run.store->objects();
  Machine fresh(run.listless, 8);
  for (Machine* machine : {&run.machine, &fresh}) {
    const Code code = error_code([&] { machine->open(); });
    REQUIRE((code == Code::failed || !is_failing));
  }
  REQUIRE(run.store->objects() == before);
  // Neither is a new repository made in the place of one that does not show.
  REQUIRE(error_code([&] { fresh.init(); }) == Code::refused);
  REQUIRE(run.store->objects() == before);
  run.listless->listing = Listing::whole;
  Repository again = run.machine.open();
  require_restored(run.machine, again, run, run.first);
}

TEST_CASE("a backup without listings takes the next number, and misses no pack") {
  Listless run;
  for (int i = 0; i < 3; ++i) {
    run.write_news(200'000, concat("news", i));
  }
  run.machine.backup(run.repository, run.source / "tree");
  run.listless->listing = GENERATE(Listing::empty, Listing::failing);
  run.machine.clock.advance_ms(86'400'000);
  const std::uint64_t next = run.repository.state().next_sequence;
  const BackupResult result = run.machine.backup(run.repository, run.source / "tree");
  REQUIRE(result.sequence == next);
  REQUIRE(result.lost_packs.empty());
  REQUIRE(result.statistics.blocks_new == 0);
  require_restored(run.machine, run.repository, run, result.snapshot, "news0");
}

TEST_CASE("an epoch's end and a repair without listings remove nothing, and lose nothing") {
  Listless run;
  run.listless->listing = GENERATE(Listing::empty, Listing::failing);
  const bool is_failing = run.listless->listing == Listing::failing;
  const auto before = run.store->objects();
  const auto ended = [&] { return end_epoch(run.repository, {}); };
  if (is_failing) {
    REQUIRE(error_code(ended) == Code::failed);
    REQUIRE(error_code([&] { verify(run.repository, {.repairs = true}); }) == Code::failed);
  } else {
    REQUIRE(ended().removed == 0);
    REQUIRE(verify(run.repository, {.repairs = true}).healed == 0);
  }
  run.require_kept(before);
  run.listless->listing = Listing::whole;
  if (is_failing) end_epoch(run.repository, {});
  verify(run.repository, {.repairs = true});
  require_sound(run.repository);
  Machine fresh(run.store, 8);
  Repository there = fresh.open();
  REQUIRE(there.state().epoch_number == 1);
  require_restored(fresh, there, run, run.first);
}

TEST_CASE("a passwd without listings does not take the number of a secret that was put before") {
  Listless run;
  const auto held = std::make_shared<HeldStore>(*run.store);
  {
    Machine stopped(held, 7);
    Repository repository = stopped.open();
    held->hold(2, true, [] {});  // both copies are put, the entry is not
    REQUIRE_THROWS_AS(rewrap_slot(repository, Machine::credential(11), argon2_floor), CutOff);
  }
  const auto before = run.store->objects_without_probes();
  REQUIRE(before.contains(slot_path(run.repository.keyring().slot(), 2)));
  run.listless->listing = GENERATE(Listing::empty, Listing::failing);
  REQUIRE(error_code([&] { rewrap_slot(run.repository, Machine::credential(10), argon2_floor); }) ==
          (run.listless->listing == Listing::failing ? Code::failed : Code::conflict));
  REQUIRE(run.store->objects_without_probes() == before);
  Machine fresh(run.store, 8);
  REQUIRE_NOTHROW(fresh.open());
}

TEST_CASE("a secret that opens a slot already is refused for another one also without listings") {
  Listless run;
  run.listless->listing = GENERATE(Listing::empty, Listing::failing);
  const Credential taken = Machine::credential(9);
  const bool is_passwd = GENERATE(false, true);
  const std::uint64_t next = run.repository.state().next_sequence;
  const auto failure = failure_of([&] {
    if (is_passwd) return rewrap_slot(run.repository, taken, argon2_floor);
    add_slot(run.repository, taken, argon2_floor, "twice");
  });
  REQUIRE(failure);
  if (run.listless->listing == Listing::empty) REQUIRE(failure->code() == Code::refused);
  run.repository.journal().replay();
  REQUIRE(run.repository.state().next_sequence == next);
}
