// Opening, committing, following the journal, and what happens when somebody meddles with it.
#include <filesystem>

#include "engine/crypto/hash.h"
#include "engine/journal/journal.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

// A repository whose tree is one small file.
struct SmallWorld : World {
  SmallWorld() { write_file(tree("file"), Bytes(5000, 1)); }
};

}  // namespace

TEST_CASE("two machines on one store see each other's snapshots") {
  SmallWorld world;
  Machine other(world.store, 2);
  Repository second = other.open();
  world.backup();
  second.journal().replay();
  REQUIRE(second.state().live_snapshots().size() == 1);
  const BackupResult again = other.backup(second, world.tree());
  REQUIRE(again.statistics.bytes_new == 0);
}

TEST_CASE("who loses the race for a number replays the winner and takes the next") {
  SmallWorld world;
  Repository& first = world.repository;
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
  SmallWorld world;
  Repository& repository = world.repository;
  const std::uint64_t before = repository.state().next_sequence;
  REQUIRE(error_code([&] {
            commit(repository, [](const State&) { return Act(SlotRewrapped{.generation = 1}); });
          }) == Code::refused);
  REQUIRE(repository.state().next_sequence == before);
}

TEST_CASE("a journal that was rolled back is noticed, even when the catalog was lost") {
  SmallWorld world;
  Repository& repository = world.repository;
  world.backup();
  world.store->remove("journal/0000000001");
  world.store->remove("journal/0000000001.2");
  REQUIRE(error_code([&] { world.machine.open(); }) == Code::corrupt);
  repository.local().reset_catalog();
  REQUIRE(error_code([&] { repository.journal().replay(); }) == Code::corrupt);
}

TEST_CASE("another history under the same numbers is noticed") {
  SmallWorld world;
  Repository& repository = world.repository;
  const auto before = world.store->objects();
  world.backup();
  // Another machine, shown the old state, commits another entry 1.
  auto forked_store = std::make_shared<MemoryStore>();
  for (const auto& [name, bytes] : before) {
    forked_store->put(name, bytes);
  }
  Machine other(forked_store, 3);
  Repository fork = other.open();
  other.backup(fork, world.tree());
  other.backup(fork, world.tree());
  for (const auto& [name, bytes] : forked_store->objects()) {
    world.store->overwrite(name, bytes);
  }
  REQUIRE(error_code([&] { repository.journal().replay(); }) == Code::corrupt);
  repository.local().reset_catalog();
  REQUIRE(error_code([&] { repository.journal().replay(); }) == Code::corrupt);
}

TEST_CASE("an old entry put in a newer one's place does not push history aside") {
  SmallWorld world;
  Repository& repository = world.repository;
  world.backup();
  world.backup();
  world.backup();
  world.store->overwrite("journal/0000000002", world.store->objects().at("journal/0000000001"));
  repository.local().reset_catalog();
  repository.journal().replay();
  REQUIRE(repository.state().incidents.empty());
  REQUIRE(repository.state().live_snapshots().size() == 3);
}

TEST_CASE("a hole in the journal is not taken for its end") {
  SmallWorld world;
  world.backup();
  world.backup();
  world.store->remove("journal/0000000001");
  world.store->remove("journal/0000000001.2");
  Machine fresh(world.store, 5);
  Repository opened = fresh.open();
  REQUIRE(opened.journal().broken()->kind == JournalBreak::Kind::hole);
  REQUIRE(error_code([&] { fresh.backup(opened, world.tree()); }) == Code::corrupt);
}

TEST_CASE("one damaged index segment takes only what it lists") {
  SmallWorld world;
  const BackupResult first = world.backup();
  const auto before = world.store->objects();
  write_file(world.tree("second"), Bytes(9000, 2));
  world.backup();
  for (const auto& [name, bytes] : world.store->objects()) {
    if (name.starts_with("index/") && !before.contains(name)) flip_bit(*world.store, name);
  }
  Machine fresh(world.store, 5);
  Repository opened = fresh.open();
  const RestoreResult restored = fresh.restore(opened, first.snapshot, world.tree(), world.out());
  REQUIRE(restored.problems == 0);
  REQUIRE(slurp(world.out("file")) == Bytes(5000, 1));
}

TEST_CASE("a twin that a crash left out is put by the next commit") {
  SmallWorld world;
  world.backup();
  world.store->remove("journal/0000000001.2");
  world.backup();
  REQUIRE(world.store->objects().contains("journal/0000000001.2"));
}

TEST_CASE("a damaged or missing entry is read from its twin") {
  SmallWorld world;
  Repository& repository = world.repository;
  world.backup();
  flip_bit(*world.store, "journal/0000000000");
  world.store->remove("journal/0000000001");
  repository.local().reset_catalog();
  repository.journal().replay();
  REQUIRE(repository.state().next_sequence == 2);
  REQUIRE(world.machine.observer.notices.size() == 2);
}

TEST_CASE("an entry damaged in both copies is damage, not void") {
  SmallWorld world;
  Repository& repository = world.repository;
  world.backup();
  world.backup();
  flip_bit(*world.store, "journal/0000000001");
  flip_bit(*world.store, "journal/0000000001.2");
  repository.local().reset_catalog();
  REQUIRE(repository.journal().replay().broken->kind == JournalBreak::Kind::damage);
  REQUIRE(repository.state().next_sequence == 1);
  REQUIRE(error_code([&] { world.backup(); }) == Code::corrupt);
}

TEST_CASE("junk that won a number is void once later history stands on it, for everybody alike") {
  SmallWorld world;
  Repository& repository = world.repository;
  // A client puts junk under the next number. It cannot be told from damage while it is the head.
  const Bytes junk(300, 0x55);
  world.store->put("journal/0000000001", junk);
  REQUIRE_FALSE(repository.journal().replay().is_readable());
  REQUIRE(error_code([&] { world.backup(); }) == Code::corrupt);
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
  REQUIRE(repository.state().incidents.size() == 1);
  Machine other(world.store, 2);
  LocalDirectory& local = repository.local();
  local.reset_catalog();
  repository.journal().replay();
  REQUIRE(repository.state().incidents.size() == 1);
}

TEST_CASE("an entry signed by a key that is no slot's changes nothing and stops nobody reading") {
  SmallWorld world;
  Repository& repository = world.repository;
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
                  encode_journal_payload({.time_ms = world.machine.clock.now_ms(), .act = act}));
  world.store->put("journal/0000000001", forged);
  REQUIRE_FALSE(repository.journal().replay().is_readable());
  REQUIRE(repository.state().slots.begin()->second.generation == 1);
}

TEST_CASE("a lost or damaged catalog is rebuilt, said, and gives the same state") {
  Site site;
  write_file(site.tree("file"), Bytes(5000, 1));
  std::string directory;
  {
    Repository repository = site.machine.init();
    site.machine.backup(repository, site.tree());
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
  Repository repository = site.machine.open();
  REQUIRE_FALSE(site.machine.observer.notices.empty());
  const BackupResult again = site.machine.backup(repository, site.tree());
  REQUIRE(again.statistics.bytes_new == 0);
  require_sound(repository);
}

TEST_CASE("garbage in place of any object is one clear error or finding, never a crash") {
  SmallWorld world;
  world.backup();
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
