// A small repository as a state, and entries that come next in it: for the tests of the rules.
#pragma once

#include "engine/rules/validate.h"
#include "tests/support/samples.h"
#include "tests/support/test.h"

namespace kist::test {

inline const SlotId owner = sample_id<SlotId>(1);
inline const SlotId writer = sample_id<SlotId>(50);
inline const SlotId reader = sample_id<SlotId>(60);

// Numbers are reserved from the next on.
inline JournalEntry next_entry(const State& state, const SlotId& author, Act act) {
  if (auto* taken = std::get_if<SnapshotTaken>(&act)) {
    taken->numbers.first_number = state.next_number;
  }
  return {.sequence = state.next_sequence,
          .previous = state.head,
          .author = author,
          .epoch_number = 0,
          .epoch = sample_id<EpochId>(9),
          .time_ms = state.last_ms + 1,
          .act = std::move(act)};
}

inline void commit(State& state, const JournalEntry& entry) {
  REQUIRE_FALSE(validate(state, entry));
  apply(state, entry, sample_id<ObjectHash>(static_cast<std::uint8_t>(100 + entry.sequence)));
}

inline SlotAdded slot(const SlotId& id, Capabilities capabilities) {
  SlotAdded out = sample_slot_added();
  out.slot.slot = id;
  out.slot.capabilities = capabilities;
  out.slot.sources.clear();
  return out;
}

// A repository with an owner, a writer and a reader.
inline State small_state() {
  State state;
  commit(state, next_entry(state, owner, sample_genesis()));
  commit(state, next_entry(state, owner, slot(writer, writer_capabilities)));
  commit(state, next_entry(state, owner, slot(reader, reader_capabilities)));
  return state;
}

inline SnapshotTaken snapshot(std::uint8_t id, const std::string& source = "laptop") {
  SnapshotTaken out = sample_snapshot();
  out.snapshot = sample_id<SnapshotId>(id);
  out.source = source;
  out.started_ms = 0;
  out.numbers = {};
  out.segments.clear();
  out.key_segments.clear();
  return out;
}

// The same, of a backup that is still running: under no policy.
inline SnapshotTaken pending(SnapshotTaken taken) {
  taken.is_pending = true;
  taken.policy.clear();
  taken.minimum_seconds = 0;
  return taken;
}

// A snapshot with an index segment of each stream that numbers are reserved for.
inline SnapshotTaken storing(std::uint8_t id, std::uint64_t data, std::uint64_t meta = 0) {
  SnapshotTaken out = snapshot(id, concat("source ", id));
  out.numbers = reserve(0, data, meta);
  const auto name = static_cast<std::uint8_t>(10 * id);
  if (data > 0) out.segments.push_back({sample_id<ObjectHash>(name), PackKind::data});
  if (meta > 0) {
    out.segments.push_back(
        {sample_id<ObjectHash>(static_cast<std::uint8_t>(name + 1)), PackKind::meta});
  }
  return out;
}

// The rule by its number in docs/format.md, and the reason that is shown.
inline void require_void(const State& state, const JournalEntry& entry, const Violation& expected) {
  const auto violation = validate(state, entry);
  REQUIRE(violation);
  INFO("V" << violation->rule);
  REQUIRE(violation->reason == expected.reason);
  REQUIRE(violation->rule == expected.rule);
}

// After a snapshot with two key segments.
inline State state_with_keys() {
  State state = small_state();
  SnapshotTaken taken = snapshot(1);
  taken.key_segments = {sample_id<ObjectHash>(150), sample_id<ObjectHash>(151)};
  commit(state, next_entry(state, writer, taken));
  return state;
}

// A new epoch for all current slots, with one key segment.
inline EpochEnded new_epoch(const State& state) {
  EpochEnded out;
  out.former = {state.epoch, state.epoch_begun, {}};
  out.beginning = sample_beginning(200, state.next_sequence);
  for (const SlotState* slot : state.current_slots()) {
    out.boxes.push_back({slot->introduction.slot, sample_id<ObjectHash>(201)});
  }
  out.keys = {{.last = state.next_sequence - 1, .segments = {sample_id<ObjectHash>(210)}}};
  return out;
}

inline JournalEntry ending(const State& state,
                           const EpochEnded& act,
                           const SlotId& author = owner) {
  JournalEntry entry = next_entry(state, author, act);
  entry.epoch_number = state.epoch_number + 1;
  entry.epoch = sample_id<EpochId>(static_cast<std::uint8_t>(220 + entry.epoch_number));
  return entry;
}

}  // namespace kist::test
