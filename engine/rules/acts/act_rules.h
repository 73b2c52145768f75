// The rules of each kind of act, one overload a kind, each defined in the file of its name beside
// this one. validate() and apply() choose by the type of the act; a kind of `Act` that lacks an
// overload here does not compile. docs/format.md, "Validity".
//
//   capability_for(act)      the capability that the act asks of its author; nothing for an act
//   that
//                            any slot may commit about itself
//   check_act(state, act, …) the first rule of the act's own that the entry breaks
//   apply_act(state, act, …) what a valid act changes; that an entry was replayed is noted by
//   apply()
#pragma once

#include <optional>

#include "engine/rules/state.h"
#include "engine/rules/violation.h"

namespace kist {

std::optional<Capability> capability_for(const Genesis& act);
std::optional<Capability> capability_for(const SnapshotTaken& act);
std::optional<Capability> capability_for(const SlotAdded& act);
std::optional<Capability> capability_for(const SlotRewrapped& act);
std::optional<Capability> capability_for(const EpochEnded& act);
std::optional<Capability> capability_for(const StateRemade& act);
std::optional<Capability> capability_for(const IncidentsClosed& act);
std::optional<Capability> capability_for(const SegmentsProved& act);
std::optional<Capability> capability_for(const UnknownAct& act);

// The rules that hold for every act were checked before: the author is a slot that was not revoked.
MaybeViolation check_act(const State& state, const Genesis& act, const JournalEntry& entry);
MaybeViolation check_act(const State& state, const SnapshotTaken& act, const JournalEntry& entry);
MaybeViolation check_act(const State& state, const SlotAdded& act, const JournalEntry& entry);
MaybeViolation check_act(const State& state, const SlotRewrapped& act, const JournalEntry& entry);
MaybeViolation check_act(const State& state, const EpochEnded& act, const JournalEntry& entry);
MaybeViolation check_act(const State& state, const StateRemade& act, const JournalEntry& entry);
MaybeViolation check_act(const State& state, const IncidentsClosed& act, const JournalEntry& entry);
MaybeViolation check_act(const State& state, const SegmentsProved& act, const JournalEntry& entry);
MaybeViolation check_act(const State& state, const UnknownAct& act, const JournalEntry& entry);

void apply_act(State& state, const Genesis& act, const JournalEntry& entry);
void apply_act(State& state, const SnapshotTaken& act, const JournalEntry& entry);
void apply_act(State& state, const SlotAdded& act, const JournalEntry& entry);
void apply_act(State& state, const SlotRewrapped& act, const JournalEntry& entry);
void apply_act(State& state, const EpochEnded& act, const JournalEntry& entry);
void apply_act(State& state, const StateRemade& act, const JournalEntry& entry);
void apply_act(State& state, const IncidentsClosed& act, const JournalEntry& entry);
void apply_act(State& state, const SegmentsProved& act, const JournalEntry& entry);
void apply_act(State& state, const UnknownAct& act, const JournalEntry& entry);

}  // namespace kist
