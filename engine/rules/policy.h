// The retention that a snapshot is taken with: which policy is in force, and what the snapshot's
// entry copies from it. The entry keeps its own copy, so that a later policy changes nothing about
// snapshots that exist. docs/format.md, "Validity", V22 and V23.
#pragma once

#include "engine/rules/state.h"

namespace kist {

// The policy that the next snapshot is taken under: the one that genesis states, as long as no act
// adds another. The state must have a genesis.
const Policy& policy_in_force(const State& state);

// Writes the policy's name, minimum, maximum and lock into the entry of a snapshot to be taken. One
// that is pending has none of these three: it goes as soon as another takes its place.
void fix_retention(SnapshotTaken& taken, const Policy& policy);

// Whether the entry has the minimum, the maximum and the lock that fix_retention() gives it: V23.
[[nodiscard]] bool has_retention_of(const SnapshotTaken& taken, const Policy& policy);

}  // namespace kist
