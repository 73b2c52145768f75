// The rules of each kind of act, one overload a kind, each defined in the file of its name beside
// this one. validate() and apply() choose by the type of the act; a kind of `Act` that lacks an
// overload here does not compile. docs/format.md, "Validity".
//
// capability_for(act): the capabilities of which the act asks one of its author; nothing for an act
//     that any slot may commit.
// check_act(state, act, entry): the first rule of the act's own that the entry breaks.
// apply_act(state, act, entry): what a valid act changes; apply() notes that it was replayed.
#pragma once

#include <optional>

#include "engine/rules/state.h"
#include "engine/rules/violation.h"

namespace kist {

std::optional<Capabilities> capability_for(const Genesis&);
std::optional<Capabilities> capability_for(const SnapshotTaken&);
std::optional<Capabilities> capability_for(const SlotAdded&);
std::optional<Capabilities> capability_for(const SlotRewrapped&);
std::optional<Capabilities> capability_for(const EpochEnded&);
std::optional<Capabilities> capability_for(const StateRemade&);
std::optional<Capabilities> capability_for(const IncidentsClosed&);
std::optional<Capabilities> capability_for(const FeaturesRequired&);
std::optional<Capabilities> capability_for(const EntriesProved&);
std::optional<Capabilities> capability_for(const Reindexed&);
std::optional<Capabilities> capability_for(const SegmentsGivenUp&);
std::optional<Capabilities> capability_for(const PacksCondemned&);
std::optional<Capabilities> capability_for(const DeadCondemned&);
std::optional<Capabilities> capability_for(const UnnamedCondemned&);
std::optional<Capabilities> capability_for(const PacksCleared&);
std::optional<Capabilities> capability_for(const SetsProved&);
std::optional<Capabilities> capability_for(const PolicySet&);
std::optional<Capabilities> capability_for(const PolicyAssigned&);
std::optional<Capabilities> capability_for(const SourceBound&);
std::optional<Capabilities> capability_for(const SnapshotsRetired&);
std::optional<Capabilities> capability_for(const MinimumsShortened&);
std::optional<Capabilities> capability_for(const SnapshotsUnretired&);
std::optional<Capabilities> capability_for(const HoldPlaced&);
std::optional<Capabilities> capability_for(const HoldLifted&);
std::optional<Capabilities> capability_for(const CeilingSet&);
std::optional<Capabilities> capability_for(const IncidentOpened&);
std::optional<Capabilities> capability_for(const ClockReset&);
std::optional<Capabilities> capability_for(const ProposalCancelled&);
std::optional<Capabilities> capability_for(const PolicyRemoved&);
std::optional<Capabilities> capability_for(const UnknownAct&);

// The rules that hold for every act were checked before: the author is a slot that was not revoked.
MaybeViolation check_act(const State&, const Genesis&, const JournalEntry&);
MaybeViolation check_act(const State&, const SnapshotTaken&, const JournalEntry&);
MaybeViolation check_act(const State&, const SlotAdded&, const JournalEntry&);
MaybeViolation check_act(const State&, const SlotRewrapped&, const JournalEntry&);
MaybeViolation check_act(const State&, const EpochEnded&, const JournalEntry&);
MaybeViolation check_act(const State&, const StateRemade&, const JournalEntry&);
MaybeViolation check_act(const State&, const IncidentsClosed&, const JournalEntry&);
MaybeViolation check_act(const State&, const FeaturesRequired&, const JournalEntry&);
MaybeViolation check_act(const State&, const EntriesProved&, const JournalEntry&);
MaybeViolation check_act(const State&, const Reindexed&, const JournalEntry&);
MaybeViolation check_act(const State&, const SegmentsGivenUp&, const JournalEntry&);
MaybeViolation check_act(const State&, const PacksCondemned&, const JournalEntry&);
MaybeViolation check_act(const State&, const DeadCondemned&, const JournalEntry&);
MaybeViolation check_act(const State&, const UnnamedCondemned&, const JournalEntry&);
MaybeViolation check_act(const State&, const PacksCleared&, const JournalEntry&);
MaybeViolation check_act(const State&, const SetsProved&, const JournalEntry&);
MaybeViolation check_act(const State&, const PolicySet&, const JournalEntry&);
MaybeViolation check_act(const State&, const PolicyAssigned&, const JournalEntry&);
MaybeViolation check_act(const State&, const SourceBound&, const JournalEntry&);
MaybeViolation check_act(const State&, const SnapshotsRetired&, const JournalEntry&);
MaybeViolation check_act(const State&, const MinimumsShortened&, const JournalEntry&);
MaybeViolation check_act(const State&, const SnapshotsUnretired&, const JournalEntry&);
MaybeViolation check_act(const State&, const HoldPlaced&, const JournalEntry&);
MaybeViolation check_act(const State&, const HoldLifted&, const JournalEntry&);
MaybeViolation check_act(const State&, const CeilingSet&, const JournalEntry&);
MaybeViolation check_act(const State&, const IncidentOpened&, const JournalEntry&);
MaybeViolation check_act(const State&, const ClockReset&, const JournalEntry&);
MaybeViolation check_act(const State&, const ProposalCancelled&, const JournalEntry&);
MaybeViolation check_act(const State&, const PolicyRemoved&, const JournalEntry&);
MaybeViolation check_act(const State&, const UnknownAct&, const JournalEntry&);

void apply_act(State&, const Genesis&, const JournalEntry&);
void apply_act(State&, const SnapshotTaken&, const JournalEntry&);
void apply_act(State&, const SlotAdded&, const JournalEntry&);
void apply_act(State&, const SlotRewrapped&, const JournalEntry&);
void apply_act(State&, const EpochEnded&, const JournalEntry&);
void apply_act(State&, const StateRemade&, const JournalEntry&);
void apply_act(State&, const IncidentsClosed&, const JournalEntry&);
void apply_act(State&, const FeaturesRequired&, const JournalEntry&);
void apply_act(State&, const EntriesProved&, const JournalEntry&);
void apply_act(State&, const Reindexed&, const JournalEntry&);
void apply_act(State&, const SegmentsGivenUp&, const JournalEntry&);
void apply_act(State&, const PacksCondemned&, const JournalEntry&);
void apply_act(State&, const DeadCondemned&, const JournalEntry&);
void apply_act(State&, const UnnamedCondemned&, const JournalEntry&);
void apply_act(State&, const PacksCleared&, const JournalEntry&);
void apply_act(State&, const SetsProved&, const JournalEntry&);
void apply_act(State&, const PolicySet&, const JournalEntry&);
void apply_act(State&, const PolicyAssigned&, const JournalEntry&);
void apply_act(State&, const SourceBound&, const JournalEntry&);
void apply_act(State&, const SnapshotsRetired&, const JournalEntry&);
void apply_act(State&, const MinimumsShortened&, const JournalEntry&);
void apply_act(State&, const SnapshotsUnretired&, const JournalEntry&);
void apply_act(State&, const HoldPlaced&, const JournalEntry&);
void apply_act(State&, const HoldLifted&, const JournalEntry&);
void apply_act(State&, const CeilingSet&, const JournalEntry&);
void apply_act(State&, const IncidentOpened&, const JournalEntry&);
void apply_act(State&, const ClockReset&, const JournalEntry&);
void apply_act(State&, const ProposalCancelled&, const JournalEntry&);
void apply_act(State&, const PolicyRemoved&, const JournalEntry&);
void apply_act(State&, const UnknownAct&, const JournalEntry&);

}  // namespace kist
