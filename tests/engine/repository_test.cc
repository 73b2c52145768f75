// Opening, committing, following the journal, and what happens when somebody meddles with it.
#include <filesystem>

#include "engine/crypto/hash.h"
#include "engine/journal/journal.h"
#include "tests/support/repository_fixture.h"
#include "tests/support/test.h"

using namespace kist;
using namespace kist::test;

namespace {

struct World {
  World() {
    std::filesystem::create_directory(source / "tree");
    write_file(source / "tree/file", Bytes(5000, 1));
  }

  TemporaryDirectory source;
  std::shared_ptr<MemoryStore> store = std::make_shared<MemoryStore>();
  Machine machine{store};
};

void flip(MemoryStore& store, const std::string& name) {
  Bytes bytes = store.objects().at(name);
  bytes[bytes.size() / 2] ^= 1;
  store.overwrite(name, bytes);
}

}  // namespace

TEST_CASE("a repository opens with its secret and with no other") {
  World world;
  world.machine.init();
  REQUIRE_NOTHROW(world.machine.open());
  const Credential wrong = Machine::credential(8);
  REQUIRE(error_code([&] {
            open_repository(world.store, wrong,
                            {.state_parent = world.machine.state.path(), .slot = {}},
                            world.machine.services());
          }) == Code::wrong_secret);
}

TEST_CASE("where there is no repository, that is what is said") {
  World world;
  REQUIRE(error_code([&] { world.machine.open(); }) == Code::no_repository);
}

TEST_CASE("a second init in the same place is refused, and so is one over leftovers") {
  World world;
  world.machine.init();
  REQUIRE(error_code([&] { world.machine.init(); }) == Code::refused);
  world.store->remove("kist.repo");
  REQUIRE(error_code([&] { world.machine.init(); }) == Code::refused);
}

TEST_CASE("two machines on one store see each other's snapshots") {
  World world;
  Repository first = world.machine.init();
  Machine other(world.store, 2);
  Repository second = other.open();
  world.machine.backup(first, world.source / "tree");
  second.journal().replay();
  REQUIRE(second.state().live_snapshots().size() == 1);
  const BackupResult again = other.backup(second, world.source / "tree");
  REQUIRE(again.statistics.bytes_new == 0);
}

TEST_CASE("who loses the race for a number replays the winner and takes the next") {
  World world;
  Repository first = world.machine.init();
  Machine other(world.store, 2);
  Repository second = other.open();
  Credential credential = Machine::credential(9);
  int asked = 0;
  const JournalEntry entry = commit(first, [&](const State& state) {
    if (asked++ == 0) add_slot(second, credential, argon2_floor, "other");
    return Act(SlotRewrapped{.generation = state.slots.at(first.keyring().slot()).generation + 1,
                             .kind = SlotKind::key_file,
                             .slot_object = ObjectHash{}});
  });
  REQUIRE(asked == 2);
  REQUIRE(entry.sequence == 2);
  REQUIRE(first.state().slots.size() == 2);
}

TEST_CASE("an act that would be void is not committed") {
  World world;
  Repository repository = world.machine.init();
  const std::uint64_t before = repository.state().next_sequence;
  REQUIRE(error_code([&] {
            commit(repository, [](const State&) { return Act(SlotRewrapped{.generation = 1}); });
          }) == Code::refused);
  REQUIRE(repository.state().next_sequence == before);
}

TEST_CASE("a journal that was rolled back is noticed, even when the catalog was lost") {
  World world;
  Repository repository = world.machine.init();
  world.machine.backup(repository, world.source / "tree");
  world.store->remove("journal/0000000001");
  world.store->remove("journal/0000000001.2");
  REQUIRE(error_code([&] { world.machine.open(); }) == Code::corrupt);
  repository.local().reset_catalog();
  REQUIRE(error_code([&] { repository.journal().replay(); }) == Code::corrupt);
}

TEST_CASE("another history under the same numbers is noticed") {
  World world;
  Repository repository = world.machine.init();
  const auto before = world.store->objects();
  world.machine.backup(repository, world.source / "tree");
  // Another machine, shown the old state, commits another entry 1.
  auto forked_store = std::make_shared<MemoryStore>();
  for (const auto& [name, bytes] : before) {
    forked_store->put(name, bytes);
  }
  Machine other(forked_store, 3);
  Repository fork = other.open();
  other.backup(fork, world.source / "tree");
  other.backup(fork, world.source / "tree");
  for (const auto& [name, bytes] : forked_store->objects()) {
    world.store->overwrite(name, bytes);
  }
  REQUIRE(error_code([&] { repository.journal().replay(); }) == Code::corrupt);
  repository.local().reset_catalog();
  REQUIRE(error_code([&] { repository.journal().replay(); }) == Code::corrupt);
}

TEST_CASE("an old entry put in a newer one's place does not push history aside") {
  World world;
  Repository repository = world.machine.init();
  world.machine.backup(repository, world.source / "tree");
  world.machine.backup(repository, world.source / "tree");
  world.machine.backup(repository, world.source / "tree");
  world.store->overwrite("journal/0000000002", world.store->objects().at("journal/0000000001"));
  repository.local().reset_catalog();
  repository.journal().replay();
  REQUIRE(repository.state().voids.empty());
  REQUIRE(repository.state().live_snapshots().size() == 3);
}

TEST_CASE("a hole in the journal is not taken for its end") {
  World world;
  Repository repository = world.machine.init();
  world.machine.backup(repository, world.source / "tree");
  world.machine.backup(repository, world.source / "tree");
  world.store->remove("journal/0000000001");
  world.store->remove("journal/0000000001.2");
  Machine fresh(world.store, 5);
  REQUIRE(error_code([&] { fresh.open(); }) == Code::corrupt);
}

TEST_CASE("one damaged index segment takes only what it lists") {
  World world;
  Repository repository = world.machine.init();
  const BackupResult first = world.machine.backup(repository, world.source / "tree");
  const auto before = world.store->objects();
  write_file(world.source / "tree/second", Bytes(9000, 2));
  world.machine.backup(repository, world.source / "tree");
  for (const auto& [name, bytes] : world.store->objects()) {
    if (name.starts_with("index/") && !before.contains(name)) flip(*world.store, name);
  }
  Machine fresh(world.store, 5);
  Repository opened = fresh.open();
  const RestoreResult restored =
      fresh.restore(opened, first.snapshot, world.source / "tree", world.source / "out");
  REQUIRE(restored.problems == 0);
  REQUIRE(slurp(world.source / "out/file") == Bytes(5000, 1));
}

TEST_CASE("a twin that a crash left out is put by the next commit") {
  World world;
  Repository repository = world.machine.init();
  world.machine.backup(repository, world.source / "tree");
  world.store->remove("journal/0000000001.2");
  world.machine.backup(repository, world.source / "tree");
  REQUIRE(world.store->objects().contains("journal/0000000001.2"));
}

TEST_CASE("a damaged or missing entry is read from its twin") {
  World world;
  Repository repository = world.machine.init();
  world.machine.backup(repository, world.source / "tree");
  flip(*world.store, "journal/0000000000");
  world.store->remove("journal/0000000001");
  repository.local().reset_catalog();
  repository.journal().replay();
  REQUIRE(repository.state().next_sequence == 2);
  REQUIRE(world.machine.observer.notices.size() == 2);
}

TEST_CASE("an entry damaged in both copies is damage, not void") {
  World world;
  Repository repository = world.machine.init();
  world.machine.backup(repository, world.source / "tree");
  world.machine.backup(repository, world.source / "tree");
  flip(*world.store, "journal/0000000001");
  flip(*world.store, "journal/0000000001.2");
  repository.local().reset_catalog();
  REQUIRE(error_code([&] { repository.journal().replay(); }) == Code::corrupt);
}

TEST_CASE("junk that won a number is void once later history stands on it, for everybody alike") {
  World world;
  Repository repository = world.machine.init();
  // A client puts junk under the next number. It cannot be told from damage while it is the head.
  const Bytes junk(300, 0x55);
  world.store->put("journal/0000000001", junk);
  REQUIRE_FALSE(repository.journal().replay().is_readable);
  REQUIRE(error_code([&] { world.machine.backup(repository, world.source / "tree"); }) ==
          Code::corrupt);
  // An owner who accepts it commits on top of it: then it is void for all.
  State state = repository.state();
  apply_void(state, "junk", hash_object(junk));
  const ObjectOrigin& origin = repository.keyring().origin();
  const JournalEntry entry{
      .sequence = 2,
      .previous = state.head,
      .author = origin.author,
      .epoch_number = origin.epoch_number,
      .epoch = origin.epoch,
      .time_ms = world.machine.clock.now_ms(),
      .act =
          SlotRewrapped{.generation = 2, .kind = SlotKind::key_file, .slot_object = ObjectHash{}}};
  world.store->put("journal/0000000002",
                   seal_entry(repository.keyring(), world.machine.random, entry));
  repository.journal().replay();
  REQUIRE(repository.state().next_sequence == 3);
  REQUIRE(repository.state().voids.size() == 1);
  Machine other(world.store, 2);
  LocalDirectory& local = repository.local();
  local.reset_catalog();
  repository.journal().replay();
  REQUIRE(repository.state().voids.size() == 1);
}

TEST_CASE("an entry signed by a key that is no slot's changes nothing and stops nobody reading") {
  World world;
  Repository repository = world.machine.init();
  // Another repository's owner knows how to make entries, but stands in no slot here.
  const State& state = repository.state();
  ObjectOrigin origin = repository.keyring().origin();
  Key stranger;
  world.machine.random.fill(stranger.mutable_view());
  const Act act = SlotRewrapped{.generation = 2, .kind = SlotKind::key_file, .slot_object = {}};
  const Bytes forged =
      seal_object({.type = ObjectType::journal_entry,
                   .origin = origin,
                   .clear = encode_journal_clear({state.next_sequence, state.head})},
                  repository.keyring().journal_key(), stranger, world.machine.random,
                  encode_journal_payload(world.machine.clock.now_ms(), act));
  world.store->put("journal/0000000001", forged);
  REQUIRE_FALSE(repository.journal().replay().is_readable);
  REQUIRE(repository.state().slots.begin()->second.generation == 1);
}

TEST_CASE("a lost or damaged catalog is rebuilt, said, and gives the same state") {
  World world;
  std::string directory;
  {
    Repository repository = world.machine.init();
    world.machine.backup(repository, world.source / "tree");
    directory = repository.local().directory();
  }
  SECTION("garbage") {
    write_file(directory + "/catalog/data.mdb", Bytes(20'000, 0x5a));
    write_file(directory + "/index/data.mdb", Bytes(20'000, 0x5a));
  }
  SECTION("cut short") {
    std::filesystem::resize_file(directory + "/catalog/data.mdb", 8192);
    std::filesystem::resize_file(directory + "/index/data.mdb", 12'288);
  }
  SECTION("another local key") {
    write_file(directory + "/local.key", Bytes(32, 1));
  }
  Repository repository = world.machine.open();
  REQUIRE_FALSE(world.machine.observer.notices.empty());
  const BackupResult again = world.machine.backup(repository, world.source / "tree");
  REQUIRE(again.statistics.bytes_new == 0);
  REQUIRE(verify(repository, {.level = VerifyLevel::content}).findings.empty());
}

TEST_CASE("a second slot opens the repository and reads what the first has stored") {
  World world;
  Repository repository = world.machine.init();
  const BackupResult result = world.machine.backup(repository, world.source / "tree");
  add_slot(repository, Machine::credential(9), argon2_floor, "second");
  Machine other(world.store, 2);
  Repository second =
      open_repository(world.store, Machine::credential(9),
                      {.state_parent = other.state.path(), .slot = {}}, other.services());
  other.restore(second, result.snapshot, world.source / "tree", world.source / "out");
  REQUIRE(compare_trees(world.source / "tree", world.source / "out").empty());
}

TEST_CASE("after passwd the new secret opens the slot and the old one does not") {
  World world;
  Repository repository = world.machine.init();
  const auto before = world.store->objects();
  rewrap_slot(repository, Machine::credential(9), argon2_floor);
  REQUIRE(error_code([&] { world.machine.open(); }) == Code::wrong_secret);
  const auto open_new = [&] {
    return open_repository(world.store, Machine::credential(9),
                           {.state_parent = world.machine.state.path(), .slot = {}},
                           world.machine.services());
  };
  REQUIRE_NOTHROW(open_new());
  // Putting the old slot object back does not bring the old secret back.
  for (const auto& [name, bytes] : before) {
    if (name.starts_with("slots/")) world.store->overwrite(name, bytes);
  }
  REQUIRE(error_code([&] { world.machine.open(); }) == Code::wrong_secret);
  REQUIRE_NOTHROW(open_new());
}

TEST_CASE("names that somebody has planted do not use up the generations of a slot") {
  World world;
  Repository repository = world.machine.init();
  const SlotId slot = repository.keyring().slot();
  for (const std::uint32_t planted : {UINT32_MAX, UINT32_MAX - 1, 5'000U, 1'001U, 1'002U}) {
    world.store->put(slot_path(slot, planted), Bytes(100));
  }
  rewrap_slot(repository, Machine::credential(9), argon2_floor);
  REQUIRE(repository.state().slots.at(slot).generation == 1'003);
  rewrap_slot(repository, Machine::credential(10), argon2_floor);
  REQUIRE(repository.state().slots.at(slot).generation == 1'004);
  REQUIRE_NOTHROW(open_repository(world.store, Machine::credential(10),
                                  {.state_parent = world.machine.state.path(), .slot = {}},
                                  world.machine.services()));
}

TEST_CASE("one good copy of slot, grant and epoch box suffices to open") {
  for (const std::string folder : {"slots/", "grants/", "epochs/", "keys/", "bodies/"}) {
    for (const bool hits_twin : {false, true}) {
      World world;
      Repository repository = world.machine.init();
      world.machine.backup(repository, world.source / "tree");
      INFO(folder << " twin " << hits_twin);
      for (const auto& [name, bytes] : world.store->objects()) {
        if (name.starts_with(folder) && name.ends_with(".2") == hits_twin) flip(*world.store, name);
      }
      Repository reopened = world.machine.open();
      REQUIRE(list_snapshots(reopened).size() == 1);
      REQUIRE(verify(reopened, {.level = VerifyLevel::structure}).findings.size() == 1);
    }
  }
}

TEST_CASE("garbage in place of any object is one clear error or finding, never a crash") {
  World world;
  Repository repository = world.machine.init();
  world.machine.backup(repository, world.source / "tree");
  for (const auto& [name, bytes] : world.store->objects_without_probes()) {
    const std::string twin = name.ends_with(".2") ? name.substr(0, name.size() - 2) : name + ".2";
    const bool has_twin = world.store->objects().contains(twin);
    const Bytes twin_bytes = has_twin ? world.store->objects().at(twin) : Bytes();
    for (const std::size_t size : {std::size_t{0}, std::size_t{7}, bytes.size()}) {
      INFO(name << " replaced by " << size << " bytes");
      const Bytes garbage(size, 0x33);
      world.store->overwrite(name, garbage);
      if (has_twin) world.store->overwrite(twin, garbage);
      Machine other(world.store, 2);
      try {
        Repository opened = other.open();
        REQUIRE_FALSE(verify(opened, {.level = VerifyLevel::content}).findings.empty());
      } catch (const Error& error) {
        REQUIRE((error.code() == Code::corrupt || error.code() == Code::wrong_secret));
        REQUIRE(error.text().find('\n') == std::string::npos);
      }
    }
    world.store->overwrite(name, bytes);
    if (has_twin) world.store->overwrite(twin, twin_bytes);
  }
}

TEST_CASE("a clock an hour behind the journal stops a commit") {
  World world;
  Repository repository = world.machine.init();
  world.machine.clock.advance_ms(7'200'000);
  world.machine.backup(repository, world.source / "tree");
  world.machine.clock.advance_ms(-7'200'000);
  REQUIRE(error_code([&] { world.machine.backup(repository, world.source / "tree"); }) ==
          Code::refused);
}
