// A machine that has never seen the repository gets in: whatever somebody has put into the store
// who may only put objects, and with what is left of a damaged one.
#include <algorithm>

#include "engine/format/limits.h"
#include "tests/support/attacker.h"
#include "tests/support/roles.h"
#include "tests/support/world.h"

using namespace kist;
using namespace kist::test;

namespace {

Credential password(std::string_view text) {
  return {SlotKind::passphrase, SecretBytes(to_bytes(text))};
}

OpenOptions into(const Machine& machine) {
  return {.state_parent = machine.state.path(), .slot = {}};
}

std::string told_by(const Machine& machine) {
  std::string out;
  for (const std::string& notice : machine.observer.notices) {
    out += notice + "\n";
  }
  return out;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// Both copies of an entry, taken out of the store.
std::pair<Bytes, Bytes> take_entry(MemoryStore& store, std::uint64_t sequence) {
  const auto copies = copies_of(journal_path(sequence));
  const auto objects = store.objects();
  for (const std::string& copy : copies) {
    store.remove(copy);
  }
  return {objects.at(copies[0]), objects.at(copies[1])};
}

void put_entry(MemoryStore& store, std::uint64_t sequence, const std::pair<Bytes, Bytes>& bytes) {
  store.put(journal_path(sequence), bytes.first);
  store.put(second_copy_path(journal_path(sequence)), bytes.second);
}

// Slot objects that whoever may put them has put there: of slots of their own, with low ids.
void plant_slots(Store& store, Random& random, const RepositoryId& repository, int count) {
  for (int i = 0; i < count; ++i) {
    Key seed;
    random.fill(seed.mutable_view());
    SlotId id{};
    id.bytes.back() = static_cast<std::uint8_t>(i);
    const Credential unknown = password("nobody's");
    const ObjectOrigin origin{
        .repository = repository, .epoch_number = 0, .epoch = {}, .author = id};
    put_twinned(store, slot_path(id, 1),
                make_slot_object(origin, SlotKeys(seed), {unknown, argon2_floor, 1, {}}, random));
  }
}

}  // namespace

TEST_CASE("junk behind the journal's end keeps no fresh machine from reading or committing") {
  Roles roles(owner_capabilities);
  roles.store->put("journal/0000009999", to_bytes("junk"));
  roles.store->put("journal/0000000777", roles.store->objects().at(journal_path(1)));  // replayed
  roles.store->put("journal/a/b/c", to_bytes("a folder"));
  Machine fresh(roles.store, 9);
  Repository repository = fresh.open();
  require_restored(fresh, repository, roles, roles.first);
  REQUIRE(has(told_by(fresh), "changes nothing"));
  const BackupResult made = fresh.backup(repository, roles.source / "tree");
  require_restored(fresh, repository, roles, made.snapshot);
  roles.owner_repository.journal().replay();
  REQUIRE(roles.owner_repository.state() == repository.state());
  REQUIRE(verify(roles.owner_repository, {}).findings.empty());
}

TEST_CASE("a hole stops a fresh machine's commits, not its reading, and what is advised mends it") {
  Roles roles(writer_capabilities);
  Repository writer = roles.open();
  roles.backup(writer, "laptop");
  roles.backup(writer, "laptop");
  roles.owner_repository.journal().replay();
  const std::uint64_t missing = roles.owner_repository.state().next_sequence - 2;
  const auto entry = take_entry(*roles.store, missing);

  Machine fresh(roles.store, 9);
  for (int round = 0; round < 2; ++round) {  // the second time with a catalog of what was read
    Repository repository = fresh.open();
    require_restored(fresh, repository, roles, roles.first);
    REQUIRE(has(told_by(fresh), concat("lacks entry ", missing)));
    const auto objects = roles.store->objects();
    REQUIRE(error_code([&] { fresh.backup(repository, roles.source / "tree"); }) == Code::corrupt);
    REQUIRE(roles.store->objects() == objects);  // it is said before anything is stored
    REQUIRE_FALSE(journal_info(repository).problem.empty());
    REQUIRE(has(findings_of(verify(repository, {})), concat("lacks entry ", missing)));
    REQUIRE(error_code([&] { find_unsigned_tail(repository); }) == Code::refused);
  }
  put_entry(*roles.store, missing, entry);
  Repository repository = fresh.open();
  fresh.backup(repository, roles.source / "tree");
  roles.owner_repository.journal().replay();
  REQUIRE(roles.owner_repository.state() == repository.state());
}

TEST_CASE("where nobody has the missing entry, what stands behind it is moved away, as advised") {
  Roles roles(writer_capabilities);
  Repository evil = roles.open();
  JournalEntry ahead = evil.journal().next_entry(StateRemade{});
  ahead.sequence += 5;  // by a slot that signs out of its place
  forge(*roles.store, evil, roles.content, ahead);
  Machine fresh(roles.store, 9);
  std::string text;
  try {
    Repository repository = fresh.open();
    fresh.backup(repository, roles.source / "tree");
  } catch (const Error& error) {
    text = error.text();
  }
  REQUIRE(has(text, journal_path(ahead.sequence)));
  REQUIRE(has(text, "slot other"));
  take_entry(*roles.store, ahead.sequence);
  Repository repository = fresh.open();
  REQUIRE_NOTHROW(fresh.backup(repository, roles.source / "tree"));
}

TEST_CASE("a slot that was let in behind a hole is not told that its key is wrong") {
  Roles roles(owner_capabilities);
  roles.owner.backup(roles.owner_repository, roles.source / "tree");
  add_slot(roles.owner_repository, Machine::credential(11), argon2_floor, "late");
  roles.owner.backup(roles.owner_repository, roles.source / "tree");
  const auto entry = take_entry(*roles.store, 3);
  Machine late(roles.store, 9);
  std::string text;
  try {
    late.open(11);
  } catch (const Error& error) {
    REQUIRE(error.code() == Code::corrupt);
    text = error.text();
  }
  INFO(text);
  REQUIRE(has(text, "is not in the journal up to entry 2"));
  REQUIRE(has(text, "lacks entry 3"));
  put_entry(*roles.store, 3, entry);
  REQUIRE_NOTHROW(late.open(11));
}

TEST_CASE("planted slots keep no owner out, and a password is not called wrong for them") {
  auto store = std::make_shared<MemoryStore>();
  Machine owner(store);
  SeededRandom evil(99);
  const Credential first = password("the owner's");
  Repository made = init_repository(store, first, {}, owner.state.path(), owner.services());
  const Credential second = password("the second owner's");
  const SlotId slot = add_slot(made, second, argon2_floor, "second");
  plant_slots(*store, evil, made.keyring().repository(), 64);
  Machine fresh(store, 3);
  REQUIRE_NOTHROW(open_repository(store, first, into(fresh), fresh.services()));
  // Another slot comes behind what was planted: it is said that it was not tried, and how it is.
  Machine other(store, 4);
  std::string text;
  try {
    open_repository(store, second, into(other), other.services());
  } catch (const Error& error) {
    REQUIRE(error.code() == Code::refused);
    text = error.text();
  }
  INFO(text);
  REQUIRE(has(text, "not tried"));
  REQUIRE_FALSE(has(text, "wrong"));
  OpenOptions named = into(other);
  named.slot = slot;
  REQUIRE_NOTHROW(open_repository(store, second, named, other.services()));
  REQUIRE_NOTHROW(open_repository(store, second, into(other), other.services()));  // remembered
}

TEST_CASE("whoever plants slots keeps no owner from letting others in") {
  auto store = std::make_shared<MemoryStore>();
  Machine owner(store);
  SeededRandom evil(99);
  Repository made = owner.init();
  plant_slots(*store, evil, made.keyring().repository(), 8);
  const auto planted = store->objects();
  for (const auto& [path, bytes] : planted) {
    if (path.starts_with("slots/0000")) store->overwrite(path, to_bytes("junk"));
  }
  add_slot(made, password("new"), argon2_floor, "new");
  REQUIRE(owner.observer.notices.empty());
}

TEST_CASE("a repository whose kist.repo is damaged or gone is read, written and mended") {
  for (const bool is_gone : {true, false}) {
    Roles roles(writer_capabilities);
    const Bytes good = roles.store->objects().at(repository_file);
    if (is_gone) {
      roles.store->remove(repository_file);
    } else {
      flip_bit(*roles.store, repository_file);
    }
    Machine fresh(roles.store, 9);
    Repository repository = fresh.open();
    REQUIRE(has(told_by(fresh), is_gone ? "kist.repo is missing" : "kist.repo is damaged"));
    REQUIRE(has(told_by(fresh), "kist verify --repair"));
    require_restored(fresh, repository, roles, roles.first);
    Repository writer = roles.open();
    roles.backup(writer, "laptop");
    const VerifyReport found = verify(repository, {});
    REQUIRE(found.findings.size() == 1);
    REQUIRE(found.findings.front().object == repository_file);
    REQUIRE(found.findings.front().remedy == Remedy::heal);
    REQUIRE(verify(repository, {.repairs = true, .is_dry_run = true}).healed == 0);
    REQUIRE(verify(repository, {.repairs = true}).healed == 1);
    REQUIRE(roles.store->objects().at(repository_file) == good);
    Machine another(roles.store, 10);
    another.open();
    REQUIRE(told_by(another).empty());
  }
}

TEST_CASE("the id in a planted kist.repo or a forged first entry is believed by nobody") {
  Roles roles(writer_capabilities);
  const Bytes good = roles.store->objects().at(repository_file);
  RepositoryId other{};
  other.bytes.fill(7);
  roles.store->overwrite(repository_file, make_repository_file(other));
  // And the header of one copy of the first entry says the same.
  Bytes forged = roles.store->objects().at(journal_path(0));
  std::ranges::copy(other.bytes, forged.begin() + 16);
  roles.store->overwrite(journal_path(0), forged);
  Machine fresh(roles.store, 9);
  Repository repository = fresh.open();
  require_restored(fresh, repository, roles, roles.first);
  REQUIRE(has(told_by(fresh), "names another repository"));
  REQUIRE(verify(repository, {.repairs = true}).healed == 2);
  REQUIRE(roles.store->objects().at(repository_file) == good);
  REQUIRE(fresh.open(9).keyring().repository() == repository.keyring().repository());
  // A wrong key is wrong all the same, not damage.
  roles.store->overwrite(repository_file, make_repository_file(other));
  Machine stranger(roles.store, 11);
  REQUIRE(error_code([&] { stranger.open(33); }) == Code::wrong_secret);
  REQUIRE(std::filesystem::is_empty(stranger.state.path()));
}

TEST_CASE(
    "a first entry whose id was changed in both copies opens nothing, and nothing is remade") {
  Roles roles(writer_capabilities);
  RepositoryId other{};
  other.bytes.fill(7);
  for (const std::string& copy : copies_of(journal_path(0))) {
    Bytes forged = roles.store->objects().at(copy);
    std::ranges::copy(other.bytes, forged.begin() + 16);
    roles.store->overwrite(copy, forged);
  }
  roles.store->remove(repository_file);
  Machine fresh(roles.store, 9);
  REQUIRE(error_code([&] { fresh.open(); }) == Code::corrupt);
  REQUIRE_FALSE(roles.store->size(repository_file));
}

TEST_CASE("a machine that knows a missing entry neither ends the epoch over it nor forgets it") {
  Roles roles(writer_capabilities);
  Repository& owner = roles.owner_repository;
  roles.owner.backup(owner, roles.source / "tree");
  const std::uint64_t missing = owner.state().next_sequence - 2;
  const std::uint64_t known = owner.state().next_sequence;
  const auto bytes = take_entry(*roles.store, missing);
  const auto before = roles.store->objects();
  REQUIRE(error_code([&] { end_epoch(owner, {}); }) == Code::missing);
  REQUIRE(error_code([&] { plan_end_epoch(owner, {}); }) == Code::missing);
  REQUIRE(roles.store->objects() == before);
  REQUIRE(error_code([&] { rebuild_catalog(owner); }) == Code::missing);
  REQUIRE(owner.state().next_sequence == known);
  put_entry(*roles.store, missing, bytes);
  rebuild_catalog(owner);
  REQUIRE(owner.state().next_sequence == known);
  end_epoch(owner, {});
}

TEST_CASE(
    "an epoch box that the store has lost is kept by its machine, and made anew by a repair") {
  Roles roles(GENERATE(writer_capabilities, operator_capabilities));
  roles.open();  // once, so that the machine knows its box
  if (GENERATE(false, true)) {
    rotate(roles);
    roles.open();
  }
  const State& state = roles.owner_repository.state();
  const auto box_of = [&](const SlotId& slot) {
    return epoch_box_path(state.epoch_number, state.epoch, slot);
  };
  const auto boxes = roles.store->objects();
  const SlotId owner = roles.owner_repository.keyring().slot();
  const SlotId other = slot_called(state, "other");
  for (const SlotId& slot : {owner, other}) {
    take_away(*roles.store, box_of(slot));
  }
  Machine fresh(roles.store, 3);
  REQUIRE(failure_of([&] { fresh.open(9); }));
  Repository machine = roles.open();
  REQUIRE(std::ranges::any_of(roles.other.observer.notices, [&](const std::string& notice) {
    return notice.find("this machine has kept") != std::string::npos;
  }));
  machine.journal().unlock();
  Repository again = roles.owner.open();
  const VerifyReport report = verify(again, {.repairs = true});
  INFO(findings_of(report));
  REQUIRE(report.healed == report.findings.size());
  REQUIRE((roles.store->objects() == boxes));
  Machine later(roles.store, 4);
  later.open(9).journal().unlock();
}

TEST_CASE("a spare epoch box that is damaged stops nobody, and gives way to a good one") {
  Roles roles(writer_capabilities);
  const SlotId owner = roles.owner_repository.keyring().slot();
  roles.owner.open();
  const std::string spare = concat(roles.owner_repository.local().directory(), "/box-", hex(owner));
  const Bytes good = slurp(spare);
  for (const Bytes& bad : {Bytes(9'000), Bytes(100), Bytes()}) {
    write_file(spare, bad);
    roles.owner.open().journal().unlock();
    REQUIRE(slurp(spare) == good);
  }
}
