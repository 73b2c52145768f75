// The state as the catalog stores it: all but its tables in one record, each row of a table in one
// of its own. No field can be forgotten: each struct has one list of its fields, which encoding and
// decoding share, and which does not compile while it lacks a member. Local, so the layout is not
// in docs/format.md: a record of another version is Error{corrupt}, and the catalog is rebuilt.
#pragma once

#include "engine/base/bytes.h"
#include "engine/rules/state.h"

namespace kist {

// All but the tables: snapshots, segments, key segments, condemned packs, unnamed objects.
Bytes encode_state(const State& state);
State decode_state(View bytes);

// A snapshot's row, without what its journal entry says of it.
Bytes encode_snapshot_row(const SnapshotState& snapshot);
// `taken` is the act of the entry sequence_of_row(bytes).
SnapshotState decode_snapshot_row(View bytes, const SnapshotTaken& taken);
std::uint64_t sequence_of_row(View bytes);

// A segment's row, without its name, which is the row's key.
Bytes encode_segment_row(const SegmentState& segment);
SegmentState decode_segment_row(View bytes);
Bytes encode_condemnation_row(const Condemnation& condemnation);
Condemnation decode_condemnation_row(View bytes);
Bytes encode_flag_row(bool flag);
bool decode_flag_row(View bytes);

}  // namespace kist
