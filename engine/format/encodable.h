// Checks, before anything is written, that every reader could decode the value: nothing in it
// exceeds the limits that decoders enforce. An object written without this check could be damage
// that only its author could have prevented. docs/format.md, "Limits".
//
// All throw; the code tells how far the refusal reaches:
//   Entry         Error{failed}   this path is left out of the snapshot, the backup goes on
//   SnapshotBody  Error{invalid}  nothing is written: a text of the caller's is too long, say
//   JournalEntry  Error{invalid}  nothing is written
#pragma once

#include "engine/base/entry.h"
#include "engine/format/journal_entry.h"
#include "engine/format/snapshot.h"

namespace kist {

void check_encodable(const Entry& entry);
void check_encodable(const SnapshotBody& body);
void check_encodable(const JournalEntry& entry);

}  // namespace kist
