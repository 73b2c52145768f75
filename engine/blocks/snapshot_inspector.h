// Whether a snapshot opens, and if it does not, whose fault that is. A slot that writes can commit
// an entry whose objects it never put, or whose keys are nonsense. Such an entry is valid, for the
// rules of entries see no objects; so each reader tells it apart from damage by what it finds:
//
//   opens    body and reference set decode, and the set names numbers that exist
//   invalid  the objects that decide are whole, and yet it does not open: no key segment has a key,
//            or the key or the content is nonsense. So it is for every client, for good
//   absent   an object that is named is there in no copy: it was never put, or was lost
//   damaged  an object's bytes are not what its hash says: it was there, and is damage
//
// Damaged goes before absent, and both before invalid, but for one case: where every key segment is
// whole and none has a key, nothing that could be put back would open the snapshot, so it is
// invalid whatever else is missing. Example: at the revocation of a slot its key segments that
// nobody can read are dropped, and its snapshots that only they opened are invalid from then on.
// docs/format.md, "Bodies", "Reference sets"; docs/trust.md, "Snapshots that do not open".
#pragma once

#include <cstdint>
#include <string>

#include "engine/blocks/snapshot_opener.h"
#include "engine/format/snapshot.h"
#include "engine/journal/journal.h"
#include "engine/keys/rights.h"
#include "engine/rules/state.h"

namespace kist {

enum class Openness : std::uint8_t { opens, invalid, absent, damaged };

struct SnapshotInspection {
  Openness openness = Openness::opens;
  std::string problem;    // why the snapshot does not open
  bool has_body = false;  // that opens all the same: it is the reference set that does not

  [[nodiscard]] bool opens() const { return openness == Openness::opens; }
};

// Opens the body, if `keys` are given (a slot without `read` passes null), and the reference set.
// Throws what is no finding: Error{failed} where the store does not answer, Error{conflict} where
// an epoch's end has come meanwhile.
[[nodiscard]] SnapshotInspection inspect_snapshot(SnapshotOpener& opener,
                                                  const ReadKeys* keys,
                                                  const SnapshotState& snapshot);
// The same of one snapshot.
[[nodiscard]] SnapshotInspection inspect_snapshot(const Journal& journal,
                                                  const ReadKeys* keys,
                                                  const SnapshotState& snapshot);

// Error{corrupt} where the set names numbers that no entry has reserved: few bytes can name many.
void require_in_range(const State& state, const SnapshotState& snapshot, const ReferenceSet& set);

// Whether the journal's current key segments have a key for that index segment of the snapshot's
// entry; `absent` or `damaged` where a key segment that may have it cannot be read. Without a key
// the index segment counts for nobody, and its block numbers are burnt.
enum class KeyPresence : std::uint8_t { there, nowhere, unreadable };
[[nodiscard]] KeyPresence find_index_key(const Journal& journal,
                                         const SnapshotState& snapshot,
                                         const ObjectHash& index_segment);

// Whether the snapshot's entry counts for nothing any more: it does not open for anybody, and its
// author was revoked, so nobody will be let down by it and no more can come.
[[nodiscard]] bool is_given_up(const State& state,
                               const SnapshotState& snapshot,
                               const SnapshotInspection& inspection);

// "evil (3f9a12bc, revoked)": the slot that signed the snapshot, for people.
[[nodiscard]] std::string author_of(const State& state, const SnapshotState& snapshot);

}  // namespace kist
