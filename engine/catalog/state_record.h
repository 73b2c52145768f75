// The state as the catalog stores it: all but its tables in one record, each row of a table in one
// of its own. Local: a version that does not fit is Error{corrupt}, and the catalog is rebuilt.
#pragma once

#include "engine/base/bytes.h"
#include "engine/rules/state.h"

namespace kist {

// All but snapshots, segments and key segments.
Bytes encode_state(const State& state);
State decode_state(View bytes);

// A snapshot's row, without what its journal entry says of it.
Bytes encode_snapshot_row(const SnapshotState& snapshot);
// The entry is that of `sequence_of_row`.
SnapshotState decode_snapshot_row(View bytes, const SnapshotTaken& taken);
std::uint64_t sequence_of_row(View bytes);

Bytes encode_segment_row(const SegmentState& segment);
SegmentState decode_segment_row(View bytes, const ObjectHash& name);

}  // namespace kist
