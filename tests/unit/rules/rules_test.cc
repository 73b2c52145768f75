#include "engine/rules/validate.h"
#include "tests/support/samples.h"
#include "tests/support/test.h"

using namespace kist;        // NOLINT(google-build-using-namespace)
using namespace kist::test;  // NOLINT(google-build-using-namespace)

namespace {

const SlotId owner = sample_id<SlotId>(1);
const SlotId writer = sample_id<SlotId>(50);
const SlotId reader = sample_id<SlotId>(60);

JournalEntry next_entry(const State& state, const SlotId& author, Act act) {
  return {.sequence = state.next_sequence,
          .previous = state.head,
          .author = author,
          .epoch_number = 0,
          .epoch = sample_id<EpochId>(9),
          .time_ms = state.last_ms + 1,
          .act = std::move(act)};
}

void commit(State& state, const JournalEntry& entry) {
  REQUIRE_FALSE(validate(state, entry));
  apply(state, entry, sample_id<ObjectHash>(static_cast<std::uint8_t>(100 + entry.sequence)));
}

SlotAdded slot(const SlotId& id, Capabilities capabilities) {
  SlotAdded out = sample_slot_added();
  out.slot.slot = id;
  out.slot.capabilities = capabilities;
  out.slot.sources.clear();
  return out;
}

// A repository with an owner, a writer and a reader.
State small_state() {
  State state;
  commit(state, next_entry(state, owner, sample_genesis()));
  commit(state, next_entry(state, owner, slot(writer, writer_capabilities)));
  commit(state, next_entry(state, owner, slot(reader, reader_capabilities)));
  return state;
}

SnapshotTaken snapshot(std::uint8_t id, const std::string& source = "laptop") {
  SnapshotTaken out = sample_snapshot();
  out.snapshot = sample_id<SnapshotId>(id);
  out.source = source;
  out.segments.clear();
  out.key_segments.clear();
  return out;
}

void require_void(const State& state, const JournalEntry& entry, const std::string& reason) {
  const auto got = validate(state, entry);
  REQUIRE(got);
  REQUIRE(*got == reason);
}

}  // namespace

TEST_CASE("an entry that does not follow is void") {
  const State state = small_state();
  JournalEntry entry = next_entry(state, owner, snapshot(1));
  REQUIRE_FALSE(validate(state, entry));
  ++entry.sequence;
  require_void(state, entry, "a number that does not follow");
  entry = next_entry(state, owner, snapshot(1));
  entry.previous = sample_id<ObjectHash>(250);
  require_void(state, entry, "a chain that does not hold");
  entry = next_entry(state, owner, snapshot(1));
  entry.time_ms = state.last_ms - 1;
  require_void(state, entry, "a time before that of the entries that it follows");
  entry = next_entry(state, owner, snapshot(1));
  entry.epoch_number = 1;
  require_void(state, entry, "an epoch that is not the current one");
}

TEST_CASE("a slot does what its capabilities allow and nothing else") {
  const State state = small_state();
  REQUIRE_FALSE(validate(state, next_entry(state, writer, snapshot(1))));
  require_void(state, next_entry(state, reader, snapshot(1)),
               "its author lacks the capability write");
  require_void(state, next_entry(state, writer, slot(sample_id<SlotId>(70), owner_capabilities)),
               "its author lacks the capability own");
  require_void(state, next_entry(state, sample_id<SlotId>(200), snapshot(1)),
               "an author that is no slot");
}

TEST_CASE("a second genesis is void, and nothing else can come first") {
  const State state = small_state();
  require_void(state, next_entry(state, owner, sample_genesis()), "a second genesis");
  const State empty;
  require_void(empty, next_entry(empty, owner, snapshot(1)), "the first entry is no genesis");
  Genesis weak = sample_genesis();
  weak.owner.capabilities = writer_capabilities;
  require_void(empty, next_entry(empty, owner, weak), "the first slot is no owner");
  Genesis featured = sample_genesis();
  featured.features = {"teleport"};
  require_void(empty, next_entry(empty, owner, featured),
               "features that this version does not know");
  Genesis absurd = sample_genesis();
  absurd.content.block_max = 1U << 30U;
  require_void(empty, next_entry(empty, owner, absurd), "chunking that is not allowed");
}

TEST_CASE("a snapshot with another retention than its policy's is void") {
  const State state = small_state();
  SnapshotTaken longer = snapshot(1);
  longer.minimum = 100ULL * 365 * 86400;
  require_void(state, next_entry(state, writer, longer), "a retention that is not the policy's");
  SnapshotTaken locked = snapshot(1);
  locked.lock = LockMode::compliance;
  require_void(state, next_entry(state, writer, locked), "a retention that is not the policy's");
  SnapshotTaken unknown = snapshot(1);
  unknown.policy = "mine";
  require_void(state, next_entry(state, writer, unknown), "a policy that does not exist");
}

TEST_CASE("a source belongs to the slot that used it first") {
  State state = small_state();
  commit(state, next_entry(state, writer, snapshot(1, "laptop")));
  require_void(state, next_entry(state, owner, snapshot(2, "laptop")),
               "a source that belongs to another slot");
  REQUIRE_FALSE(validate(state, next_entry(state, owner, snapshot(2, "server"))));
  REQUIRE_FALSE(validate(state, next_entry(state, writer, snapshot(2, "laptop"))));
}

TEST_CASE("block numbers are dense and never given twice") {
  State state = small_state();
  SnapshotTaken first = snapshot(1);
  first.segments = {{sample_id<ObjectHash>(10), 0, 100}, {sample_id<ObjectHash>(20), 100, 5}};
  commit(state, next_entry(state, writer, first));
  REQUIRE(state.next_number == 105);
  SnapshotTaken overlapping = snapshot(2);
  overlapping.segments = {{sample_id<ObjectHash>(30), 100, 5}};
  require_void(state, next_entry(state, writer, overlapping), "block numbers that do not follow");
  SnapshotTaken again = snapshot(2);
  again.segments = {{sample_id<ObjectHash>(10), 105, 100}};
  require_void(state, next_entry(state, writer, again), "a segment that exists already");
  SnapshotTaken twice = snapshot(2);
  twice.segments = {{sample_id<ObjectHash>(30), 105, 1}, {sample_id<ObjectHash>(30), 106, 1}};
  require_void(state, next_entry(state, writer, twice), "the same segment twice");
  // One without blocks would begin where the next begins, and take its place among the distrusted.
  SnapshotTaken empty = snapshot(2);
  empty.segments = {{sample_id<ObjectHash>(30), 105, 0}, {sample_id<ObjectHash>(31), 105, 9}};
  require_void(state, next_entry(state, writer, empty), "a segment of no blocks");
}

TEST_CASE("what an entry may introduce is bounded") {
  const State state = small_state();
  SnapshotTaken many = snapshot(1);
  for (std::uint32_t i = 0; i < entry_segments_max; ++i) {
    auto name = sample_id<ObjectHash>(10);
    name.bytes[0] = static_cast<std::uint8_t>(i);
    name.bytes[1] = static_cast<std::uint8_t>(i >> 8U);
    many.segments.push_back({name, i, 1});
  }
  REQUIRE_FALSE(validate(state, next_entry(state, writer, many)));
  many.segments.push_back({sample_id<ObjectHash>(11), entry_segments_max, 1});
  require_void(state, next_entry(state, writer, many), "more segments than an entry may introduce");
  SnapshotTaken large = snapshot(1);
  large.segments = {{sample_id<ObjectHash>(10), 0, 1U << 21U},
                    {sample_id<ObjectHash>(11), 1U << 21U, 1U << 21U}};
  REQUIRE_FALSE(validate(state, next_entry(state, writer, large)));
  ++large.segments.back().block_count;
  require_void(state, next_entry(state, writer, large), "more blocks than an entry may introduce");
}

TEST_CASE("trusted numbers are found beyond runs of others") {
  State state = small_state();
  SnapshotTaken distrusted = snapshot(1);
  distrusted.segments = {{sample_id<ObjectHash>(10), 0, 5}, {sample_id<ObjectHash>(11), 5, 5}};
  commit(state, next_entry(state, writer, distrusted));
  SnapshotTaken own = snapshot(2, "server");
  own.segments = {{sample_id<ObjectHash>(12), 10, 5}};
  commit(state, next_entry(state, owner, own));
  SnapshotTaken more = snapshot(3);
  more.segments = {{sample_id<ObjectHash>(13), 15, 5}};
  commit(state, next_entry(state, writer, more));
  const TrustedNumbers trusted(state, Trust::proved, reader);
  const std::vector<std::uint64_t> expected{10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10,
                                            11, 12, 13, 14, 20, 20, 20, 20, 20, 20};
  for (std::uint64_t number = 0; number < expected.size(); ++number) {
    REQUIRE(trusted.next(number) == expected[number]);
    REQUIRE(trusted.contains(number) == (expected[number] == number));
  }
  REQUIRE(TrustedNumbers().next(3) == 3);
}

TEST_CASE("a pending snapshot is replaced by its own slot's next, and by no other") {
  State state = small_state();
  SnapshotTaken pending = snapshot(1);
  pending.is_pending = true;
  commit(state, next_entry(state, writer, pending));
  SnapshotTaken complete = snapshot(2, "server");
  complete.replaces = pending.snapshot;
  require_void(state, next_entry(state, owner, complete),
               "it replaces what is not its own pending snapshot");
  complete.source = "laptop";
  commit(state, next_entry(state, writer, complete));
  REQUIRE(state.live_snapshots().size() == 1);
  REQUIRE(state.live_snapshots()[0]->taken.snapshot == complete.snapshot);
}

TEST_CASE("segments count as proved when their author can read") {
  State state = small_state();
  SnapshotTaken by_writer = snapshot(1, "a");
  by_writer.segments = {{sample_id<ObjectHash>(10), 0, 1}};
  commit(state, next_entry(state, writer, by_writer));
  SnapshotTaken by_owner = snapshot(2, "b");
  by_owner.segments = {{sample_id<ObjectHash>(20), 1, 1}};
  commit(state, next_entry(state, owner, by_owner));
  REQUIRE_FALSE(state.segments.at(sample_id<ObjectHash>(10)).is_proved);
  REQUIRE(state.segments.at(sample_id<ObjectHash>(20)).is_proved);
}

TEST_CASE("a void entry takes its number, is chained over and changes nothing") {
  State state = small_state();
  const std::uint64_t slots = state.slots.size();
  apply_void(state, "junk", sample_id<ObjectHash>(77));
  REQUIRE(state.slots.size() == slots);
  REQUIRE(state.voids.size() == 1);
  REQUIRE(state.voids[0].sequence == 3);
  commit(state, next_entry(state, writer, snapshot(1)));
}

TEST_CASE("an act that no feature has enabled is void") {
  const State state = small_state();
  require_void(state, next_entry(state, owner, UnknownAct{.type = 77, .payload = {}}),
               "type 77, which no feature has enabled");
}

TEST_CASE("a slot's new object must be newer than the one it replaces") {
  State state = small_state();
  commit(state,
         next_entry(state, writer,
                    SlotRewrapped{.generation = 2, .slot_object = sample_id<ObjectHash>(1)}));
  require_void(state,
               next_entry(state, writer,
                          SlotRewrapped{.generation = 2, .slot_object = sample_id<ObjectHash>(2)}),
               "a generation that is not newer");
}

TEST_CASE("a time binds others once two slots, or one that is believed, have come so far") {
  State state = small_state();
  const auto second = sample_id<SlotId>(80);
  commit(state, next_entry(state, owner, slot(second, writer_capabilities)));
  const std::int64_t now = state.last_ms;
  const auto at = [&](const SlotId& author, std::uint8_t id, std::int64_t time_ms) {
    JournalEntry entry = next_entry(state, author, snapshot(id, "source " + std::to_string(id)));
    entry.time_ms = time_ms;
    return entry;
  };
  const std::int64_t ahead = now + 1'000'000;
  commit(state, at(writer, 1, ahead));
  REQUIRE_FALSE(validate(state, at(second, 2, now)));
  REQUIRE_FALSE(validate(state, at(owner, 2, now)));
  require_void(state, at(writer, 2, ahead - 1),
               "a time before that of the entries that it follows");
  commit(state, at(second, 3, ahead - 500));
  require_void(state, at(second, 4, ahead - 501),
               "a time before that of the entries that it follows");
  // Both have come so far: a third cannot be earlier, and who is believed is bound by nobody else.
  const auto third = sample_id<SlotId>(90);
  JournalEntry add = next_entry(state, owner, slot(third, writer_capabilities));
  add.time_ms = now;
  commit(state, add);
  require_void(state, at(third, 5, ahead - 501),
               "a time before that of the entries that it follows");
  REQUIRE_FALSE(validate(state, at(third, 5, ahead - 500)));
  commit(state, at(owner, 6, ahead + 7));
  require_void(state, at(writer, 7, ahead + 6),
               "a time before that of the entries that it follows");
}

namespace {

// A new epoch for all three slots, after a snapshot with a key segment.
State state_with_keys() {
  State state = small_state();
  SnapshotTaken taken = snapshot(1);
  taken.key_segments = {sample_id<ObjectHash>(150), sample_id<ObjectHash>(151)};
  commit(state, next_entry(state, writer, taken));
  return state;
}

EpochEnded new_epoch(const State& state) {
  EpochEnded out;
  out.former = {state.epoch, state.epoch_begun, {}};
  out.epoch_key = sample_id<BoxPublicKey>(200);
  for (const SlotState* slot : state.current_slots()) {
    out.boxes.push_back({slot->introduction.slot, sample_id<ObjectHash>(201)});
  }
  out.carried = {{sample_id<ObjectHash>(210), {}}};
  for (const auto& [name, author] : state.key_segments.all()) {
    out.carried.front().replaces.push_back(name);
  }
  return out;
}

JournalEntry ending(const State& state, const EpochEnded& act, const SlotId& author = owner) {
  JournalEntry entry = next_entry(state, author, act);
  entry.epoch_number = state.epoch_number + 1;
  entry.epoch = sample_id<EpochId>(static_cast<std::uint8_t>(220 + entry.epoch_number));
  return entry;
}

}  // namespace

TEST_CASE("an epoch's end leaves out no slot and no key segment, and names none twice") {
  const State state = state_with_keys();
  const EpochEnded good = new_epoch(state);
  REQUIRE_FALSE(validate(state, ending(state, good)));
  const auto require_refused = [&](const auto& change, const std::string& reason) {
    EpochEnded act = good;
    change(act);
    require_void(state, ending(state, act), reason);
  };
  const std::string slots = "slots that are not all there are, each once";
  const std::string segments = "key segments that are not all, each once";
  require_refused([](EpochEnded& act) { act.boxes.pop_back(); }, slots);
  require_refused([](EpochEnded& act) { act.boxes.back().slot = sample_id<SlotId>(99); }, slots);
  require_refused([](EpochEnded& act) { act.revoked = {writer}; }, slots);
  require_refused([](EpochEnded& act) { std::swap(act.boxes[0], act.boxes[1]); },
                  "slots that are not in order");
  require_refused([](EpochEnded& act) { act.boxes.push_back(act.boxes.back()); },
                  "slots that are not in order");
  require_refused(
      [](EpochEnded& act) {
        act.boxes.erase(act.boxes.begin());
        act.revoked = {owner};
      },
      "an author that revokes itself");
  require_refused([](EpochEnded& act) { act.carried.front().replaces.pop_back(); }, segments);
  require_refused([](EpochEnded& act) { act.dropped = act.carried.front().replaces; }, segments);
  require_refused([](EpochEnded& act) { act.dropped = {sample_id<ObjectHash>(99)}; }, segments);
  require_refused([](EpochEnded& act) { act.carried.clear(); }, segments);
  require_refused(
      [](EpochEnded& act) {
        act.carried.push_back({act.carried.front().name, {}});
      },
      "the same key segment twice");
  require_refused([](EpochEnded& act) { act.carried.front().name = sample_id<ObjectHash>(150); },
                  "a key segment that exists already");
  require_refused([](EpochEnded& act) { act.former.epoch = sample_id<EpochId>(99); },
                  "the epoch that it ends is not the current one");
  require_refused([](EpochEnded& act) { act.former.begun = 1; },
                  "the epoch that it ends is not the current one");
  require_refused([&](EpochEnded& act) { act.epoch_key = state.epoch_key; },
                  "a key that is not a new one");
}

TEST_CASE("an epoch's end is sealed in the next epoch, under an id that is new") {
  State state = state_with_keys();
  JournalEntry entry = ending(state, new_epoch(state));
  entry.epoch_number = 2;
  require_void(state, entry, "an epoch that is not the current one");
  entry = ending(state, new_epoch(state));
  entry.epoch = state.epoch;
  require_void(state, entry, "an epoch that is not the current one");
  entry = next_entry(state, owner, new_epoch(state));
  require_void(state, entry, "an epoch that is not the current one");
  commit(state, ending(state, new_epoch(state)));
  EpochEnded again = new_epoch(state);
  again.epoch_key = sample_id<BoxPublicKey>(202);
  again.carried.front().name = sample_id<ObjectHash>(211);
  entry = ending(state, again);
  entry.epoch = sample_id<EpochId>(9);  // the first one's
  require_void(state, entry, "an epoch that is not the current one");
  entry.epoch = sample_id<EpochId>(240);
  REQUIRE_FALSE(validate(state, entry));
}

TEST_CASE("ending an epoch asks for maintain, and revoking for own") {
  State state = state_with_keys();
  const auto operating = sample_id<SlotId>(70);
  commit(state, next_entry(state, owner, slot(operating, operator_capabilities)));
  EpochEnded act = new_epoch(state);
  REQUIRE_FALSE(validate(state, ending(state, act, operating)));
  require_void(state, ending(state, act, writer), "its author lacks the capability maintain");
  std::erase_if(act.boxes, [](const NamedBox& box) { return box.slot == reader; });
  act.revoked = {reader};
  require_void(state, ending(state, act, operating), "its author lacks the capability own");
  commit(state, ending(state, act));
  REQUIRE(state.slots.at(reader).is_revoked);
  REQUIRE(state.snapshots.at(sample_id<SnapshotId>(1)).key_segments ==
          std::vector{sample_id<ObjectHash>(210)});
  JournalEntry entry = next_entry(state, reader, SlotRewrapped{.generation = 2});
  entry.epoch_number = 1;
  entry.epoch = state.epoch;
  require_void(state, entry, "an author that was revoked");
}

TEST_CASE("what has ended is told from what may yet begin") {
  State state = state_with_keys();
  commit(state, ending(state, new_epoch(state)));
  const auto other = sample_id<EpochId>(99);
  REQUIRE(is_of_ended_epoch(state, 0, sample_id<EpochId>(9)));
  REQUIRE(is_of_ended_epoch(state, 1, other));
  REQUIRE_FALSE(is_of_ended_epoch(state, 1, state.epoch));
  REQUIRE_FALSE(is_of_ended_epoch(state, 2, other));
  REQUIRE_FALSE(is_of_ended_epoch(state, UINT32_MAX, other));
}
