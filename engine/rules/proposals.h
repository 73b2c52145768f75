// Acts that wait: compliance that is to begin, or to get weaker for snapshots to come, and a higher
// ceiling. Each comes into force with the first entry after which some slot has seen its
// cooling-off go by, on its own clock; any owner cancels it until then. The order of entries
// decides, so all clients agree. docs/format.md, "Retention", docs/decisions/0034-latches.md.
#pragma once

#include <cstdint>

#include "engine/rules/state.h"
#include "engine/rules/violation.h"

namespace kist {

// Puts an act in force at that entry, or among the proposals, where it has to wait. It takes the
// place of what is proposed about the same policy, source, slot or ceiling.
void enact(State& state, ProposedAct act, const JournalEntry& entry);

// V90: one that would have to wait finds room among the proposals.
MaybeViolation check_proposals(const State& state, const ProposedAct& act);

// The proposal that waits about the same policy, source, slot or the ceiling; null for none.
[[nodiscard]] const Proposal* find_waiting(const State& state, const ProposedAct& act);

// How long it would have to wait; 0: it is in force at once.
[[nodiscard]] std::uint64_t cooling_off_of(const State& state, const ProposedAct& act);

// After any valid entry: proposals of which the cooling-off is over now.
void advance_proposals(State& state, const JournalEntry& entry);

// What a slot that is revoked has proposed, or what is proposed about it, comes to nothing.
void drop_proposals_of(State& state, const SlotId& slot);

// After a clock reset, what slots have seen later than that time does not count: they begin anew.
void take_back_times(State& state, std::int64_t time_ms);

// What every cooling-off is at least.
inline constexpr std::uint64_t cooling_off_seconds_min = 72ULL * 3'600;
inline constexpr std::size_t proposals_max = 1'024;

}  // namespace kist
