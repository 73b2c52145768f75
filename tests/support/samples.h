// One value of every layout, with each field set to something of its own: for unit tests, vectors
// and as the first inputs of the fuzzers.
#pragma once

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

SlotClear sample_slot_clear();
EpochBox sample_epoch_box();
FrameList sample_frame_list();
std::vector<FramePlace> sample_places();
IndexSegment sample_index_segment();
KeySegmentOuter sample_key_segment();
KeySegmentInner sample_key_segment_inner();
SnapshotBody sample_body();
ReferenceSet sample_reference_set();
Genesis sample_genesis();
SnapshotTaken sample_snapshot();
SlotAdded sample_slot_added();
EpochEnded sample_epoch_ended();
IncidentsClosed sample_incidents_closed();
// All that a state has but tables.
State sample_state();
// A directory, files (inline, of blocks with a hole, with attributes), links, devices.
std::vector<Entry> sample_entries();

}  // namespace kist::test
