// The catalog: what it stores is what was replayed, whoever of several processes was faster.
#include "engine/catalog/catalog.h"

#include "engine/rules/validate.h"
#include "tests/support/samples.h"
#include "tests/support/test.h"
#include "tests/support/tree_fixture.h"
#include "tests/unit/catalog/catalog_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

// A snapshot with so many key segments, after those that there are.
ReplayedEntry next_snapshot(const State& state, std::uint32_t key_segments = 1) {
  SnapshotTaken taken;
  const auto mark = static_cast<std::uint8_t>(state.next_sequence);
  taken.snapshot = sample_id<SnapshotId>(mark);
  taken.source = concat("source ", state.next_sequence % 3);
  taken.is_pending = mark % 2 == 0;
  taken.numbers = reserve(state.next_number, 10);
  taken.segments = {{sample_id<ObjectHash>(mark), PackKind::data}};
  for (std::uint32_t i = 0; i < key_segments; ++i) {
    auto name = sample_id<ObjectHash>(mark);
    name.bytes[0] = static_cast<std::uint8_t>(i);
    name.bytes[1] = static_cast<std::uint8_t>(i >> 8U);
    taken.key_segments.push_back(name);
  }
  ReplayedEntry out;
  out.entry = {.sequence = state.next_sequence,
               .previous = state.head,
               .author = state.genesis.owner.slot,
               .epoch = state.epoch,
               .time_ms = state.last_ms + 1,
               .act = taken};
  out.hash = sample_id<ObjectHash>(static_cast<std::uint8_t>(100 + mark));
  return out;
}

ReplayedEntry next_void(const State& state) {
  ReplayedEntry out;
  out.entry = {.sequence = state.next_sequence, .act = UnknownAct{}};
  out.hash = sample_id<ObjectHash>(static_cast<std::uint8_t>(100 + state.next_sequence));
  out.void_reason = "a test";
  return out;
}

// All key segments till now become one, in a new epoch.
ReplayedEntry next_epoch(const State& state) {
  EpochEnded act;
  act.former = {.epoch = state.epoch, .begun = state.epoch_begun, .journal_key = {}};
  act.beginning = sample_beginning(9, state.next_sequence);
  act.boxes = {{state.genesis.owner.slot, sample_id<ObjectHash>(9)}};
  act.keys = {{.last = state.next_sequence - 1, .segments = {sample_id<ObjectHash>(200)}}};
  ReplayedEntry out = next_snapshot(state);
  out.entry.epoch_number = state.epoch_number + 1;
  out.entry.epoch = sample_id<EpochId>(2);
  out.entry.act = act;
  return out;
}

}  // namespace

TEST_CASE("a catalog that is opened again has the state that was replayed") {
  const TemporaryDirectory directory;
  const std::string path = directory / "catalog";
  State expected;
  const auto add = [&](Catalog& catalog, const ReplayedEntry& replayed) {
    if (replayed.void_reason.empty()) {
      apply(expected, replayed.entry, replayed.hash);
    } else {
      apply_void(expected, replayed.void_reason, replayed.hash, replayed.entry.author);
    }
    catalog.add(replayed);
    if (replayed.entry.sequence % 2 == 0) catalog.flush();
    REQUIRE(catalog.state() == expected);
  };
  {
    Catalog catalog(path, checksum_key);
    add(catalog, first_entry());
    for (int i = 0; i < 5; ++i) {
      add(catalog, next_snapshot(expected, i == 2 ? 900 : 1));  // a row of many pieces
    }
    add(catalog, next_void(expected));
    catalog.flush();
  }
  {
    Catalog catalog(path, checksum_key);
    REQUIRE(catalog.state() == expected);
    add(catalog, next_epoch(expected));  // shorter rows take the place of longer ones
    add(catalog, next_snapshot(expected));
    catalog.flush();
  }
  const Catalog again(path, checksum_key);
  REQUIRE(again.state() == expected);
}

namespace {

// Adds the entry as a replay would: valid, or void for the reason that validate() gives.
void add_replayed(Catalog& catalog, State& expected, const JournalEntry& entry) {
  ReplayedEntry replayed;
  replayed.entry = entry;
  replayed.hash = sample_hash(entry.sequence);
  replayed.void_reason = validate(expected, entry).value_or(Violation{}).reason;
  replay_sample(expected, entry);
  catalog.add(replayed);
}

// The state as it would be if the act of the last entry had changed nothing.
State without_act(const State& before, const State& after, const SlotId& author) {
  State out = before;
  out.next_sequence = after.next_sequence;
  out.head = after.head;
  out.last_ms = after.last_ms;
  out.times = after.times;
  if (out.slots.contains(author)) {
    out.slots.at(author).last_seen_ms = after.slots.at(author).last_seen_ms;
  }
  return out;
}

}  // namespace

TEST_CASE("what any kind of act changes is there when the catalog is opened again") {
  for_each_kind_of_act([]<typename AnyAct>(std::type_identity<AnyAct> kind) {
    const TemporaryDirectory directory;
    const std::string path = directory / "catalog";
    State expected;
    {
      Catalog catalog(path, checksum_key);
      if constexpr (!std::is_same_v<AnyAct, Genesis>) {
        for (const JournalEntry& entry : sample_journal()) {
          add_replayed(catalog, expected, entry);
        }
        REQUIRE(expected.incidents.size() == 1);
      }
      const State before = expected;
      const JournalEntry entry = valid_entry(expected, kind);
      INFO(act_name(entry.act));
      REQUIRE(std::holds_alternative<AnyAct>(entry.act));
      REQUIRE_FALSE(validate(expected, entry));
      add_replayed(catalog, expected, entry);
      REQUIRE_FALSE(expected == without_act(before, expected, entry.author));
      REQUIRE(catalog.state() == expected);
      catalog.flush();
    }
    const Catalog again(path, checksum_key);
    REQUIRE(again.state() == expected);
  });
}

TEST_CASE("of two processes with one catalog the slower takes over what the faster has added") {
  const TemporaryDirectory directory;
  Catalog fast(directory / "catalog", checksum_key);
  Catalog slow(directory / "catalog", checksum_key);
  fast.add(first_entry());
  slow.add(first_entry());
  fast.flush();
  fast.add(next_snapshot(fast.state()));
  fast.add(next_void(fast.state()));
  fast.flush();
  // Behind, and then beyond what the other has.
  slow.add(next_snapshot(slow.state()));
  slow.flush();
  REQUIRE(slow.state() == fast.state());
  slow.add(next_snapshot(slow.state()));
  fast.add(next_snapshot(fast.state()));
  fast.add(next_epoch(fast.state()));
  fast.flush();
  slow.flush();
  REQUIRE(slow.state() == fast.state());
  slow.add(next_snapshot(slow.state()));
  slow.flush();
  // What was read from before the other went on shows nothing of that.
  REQUIRE(fast.state().next_sequence + 1 == slow.state().next_sequence);
  REQUIRE(fast.state().snapshots.all().size() + 1 == slow.state().snapshots.all().size());
  fast.refresh();
  REQUIRE(slow.state() == fast.state());
}

TEST_CASE("long entries are stored before they pile up in memory") {
  const TemporaryDirectory directory;
  Catalog catalog(directory / "catalog", checksum_key);
  Catalog other(directory / "catalog", checksum_key);
  catalog.add(first_entry());
  ReplayedEntry longest = next_void(catalog.state());
  longest.entry.act = UnknownAct{.type = 99, .payload = Bytes(9U << 20U)};
  catalog.add(longest);
  other.refresh();
  REQUIRE(other.state().next_sequence == 0);
  longest.entry.sequence = catalog.state().next_sequence;
  catalog.add(longest);
  other.refresh();
  REQUIRE(other.state() == catalog.state());
}

TEST_CASE("a copy of a state stands by itself") {
  const TemporaryDirectory directory;
  Catalog catalog(directory / "catalog", checksum_key);
  catalog.add(first_entry());
  catalog.add(next_snapshot(catalog.state()));
  catalog.flush();
  State copy = catalog.state();
  const State same = copy;
  catalog.add(next_snapshot(catalog.state()));
  catalog.flush();
  REQUIRE(copy == same);
  REQUIRE(copy.snapshots.all().size() == 1);
  apply(copy, next_snapshot(copy).entry, sample_id<ObjectHash>(1));
  REQUIRE(copy.snapshots.all().size() == 2);
}

TEST_CASE("a record that lacks its end is damage, not the absence of a record") {
  const TemporaryDirectory directory;
  const std::string path = directory / "catalog";
  Catalog catalog(path, checksum_key);
  catalog.add(first_entry());
  catalog.flush();
  {
    Environment environment(path, {.map_bytes = 0, .table_count = 1, .checksum_key = checksum_key});
    Transaction write(environment, Transaction::Mode::write);
    const Bytes key(12);  // entry 0, piece 0
    const auto found = write.get(0, key);
    REQUIRE(found);
    Bytes piece(found->begin(), found->end());
    piece[1] ^= 0x40;  // its size: 16 KiB more
    write.put(0, key, piece);
    write.commit();
  }
  REQUIRE(error_code([&] { catalog.for_each(0, [](const ReplayedEntry&) { return true; }); }) ==
          Code::corrupt);
}
