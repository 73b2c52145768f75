// One value of every layout, with each field set to something of its own: for unit tests, vectors
// and as the first inputs of the fuzzers. And one valid entry of every kind of act.
#pragma once

#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "engine/content/chunker.h"
#include "engine/format/envelope.h"
#include "engine/format/index.h"
#include "engine/format/journal_entry.h"
#include "engine/format/manifest.h"
#include "engine/format/pack.h"
#include "engine/format/slot.h"
#include "engine/format/snapshot.h"
#include "engine/rules/state.h"

namespace kist::test {

// An id whose bytes count up from `first`.
template <typename AnyId>
AnyId sample_id(std::uint8_t first) {
  AnyId id;
  for (std::size_t i = 0; i < AnyId::size; ++i) {
    id.bytes[i] = static_cast<std::uint8_t>(first + i);
  }
  return id;
}

GearTable sample_gear_table(std::uint64_t seed);
SlotClear sample_slot_clear();
EpochBox sample_epoch_box();
Anchor sample_anchor();
FrameList sample_frame_list();
FrameList sample_rewritten_list();
std::vector<FramePlace> sample_places();
IndexSegment sample_index_segment();
IndexSegment sample_rewritten_segment();  // a block without a number, one with two
KeySegmentOuter sample_key_segment();
KeySegmentSets sample_key_segment_sets();
KeySegmentInner sample_key_segment_inner();
SnapshotBody sample_body();
ReferenceSet sample_reference_set();
Genesis sample_genesis();
Policy sample_policy();  // with every field
EpochBeginning sample_beginning(std::uint8_t fill, std::uint64_t least = 0);
SnapshotTaken sample_snapshot();
SlotAdded sample_slot_added();
EpochEnded sample_epoch_ended();
IncidentsClosed sample_incidents_closed();

// Calls `each` with the std::type_identity of every kind of act but UnknownAct.
template <typename Each>
void for_each_kind_of_act(const Each& each) {
  [&]<std::size_t... i>(std::index_sequence<i...> /*of all known acts*/) {
    (each(std::type_identity<std::variant_alternative_t<i, Act>>()), ...);
  }
  (std::make_index_sequence<std::variant_size_v<Act> - 1>());
}

// Numbers for that many blocks of each stream, rounded up as they must be.
EntryNumbers reserve(std::uint64_t first, std::uint64_t data, std::uint64_t meta = 0);

// A value of every kind of act: one that is added to `Act` and lacks a sample does not compile.
std::vector<Act> sample_acts();

// Replays an entry as if its raw bytes had the hash sample_hash(sequence): applied if it is valid,
// void if not.
ObjectHash sample_hash(std::uint64_t sequence);
void replay_sample(State& state, const JournalEntry& entry);

// A journal that every kind of act can follow: an owner, a writer, its pending snapshot, a void
// entry, another snapshot.
std::vector<JournalEntry> sample_journal();

// An entry of that kind that is valid right after sample_journal(), genesis as the first entry.
JournalEntry valid_entry(const State& state, std::type_identity<Genesis> kind);
JournalEntry valid_entry(const State& state, std::type_identity<SnapshotTaken> kind);
JournalEntry valid_entry(const State& state, std::type_identity<SlotAdded> kind);
JournalEntry valid_entry(const State& state, std::type_identity<SlotRewrapped> kind);
JournalEntry valid_entry(const State& state, std::type_identity<EpochEnded> kind);
JournalEntry valid_entry(const State& state, std::type_identity<StateRemade> kind);
JournalEntry valid_entry(const State& state, std::type_identity<IncidentsClosed> kind);
JournalEntry valid_entry(const State& state, std::type_identity<FeaturesRequired> kind);
JournalEntry valid_entry(const State& state, std::type_identity<EntriesProved> kind);
JournalEntry valid_entry(const State& state, std::type_identity<Reindexed> kind);
JournalEntry valid_entry(const State& state, std::type_identity<SegmentsGivenUp> kind);
JournalEntry valid_entry(const State& state, std::type_identity<PacksCondemned> kind);
JournalEntry valid_entry(const State& state, std::type_identity<DeadCondemned> kind);
JournalEntry valid_entry(const State& state, std::type_identity<UnnamedCondemned> kind);
JournalEntry valid_entry(const State& state, std::type_identity<PacksCleared> kind);
JournalEntry valid_entry(const State& state, std::type_identity<SetsProved> kind);
JournalEntry valid_entry(const State& state, std::type_identity<PolicySet> kind);
JournalEntry valid_entry(const State& state, std::type_identity<PolicyAssigned> kind);
JournalEntry valid_entry(const State& state, std::type_identity<SourceBound> kind);
JournalEntry valid_entry(const State& state, std::type_identity<SnapshotsRetired> kind);
JournalEntry valid_entry(const State& state, std::type_identity<MinimumsShortened> kind);
JournalEntry valid_entry(const State& state, std::type_identity<SnapshotsUnretired> kind);
JournalEntry valid_entry(const State& state, std::type_identity<HoldPlaced> kind);
JournalEntry valid_entry(const State& state, std::type_identity<HoldLifted> kind);
JournalEntry valid_entry(const State& state, std::type_identity<CeilingSet> kind);
JournalEntry valid_entry(const State& state, std::type_identity<ProposalCancelled> kind);
JournalEntry valid_entry(const State& state, std::type_identity<PolicyRemoved> kind);
JournalEntry valid_entry(const State& state, std::type_identity<IncidentOpened> kind);
JournalEntry valid_entry(const State& state, std::type_identity<ClockReset> kind);

// All that a state has but tables.
State sample_state();
// A directory, files (inline, of blocks with a hole, with attributes), links, devices.
std::vector<Entry> sample_entries();

}  // namespace kist::test
