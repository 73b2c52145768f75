// The law of the repository: whether an entry holds, as a pure function of the journal's bytes.
// Every client decides by it alone, so all of them decide alike. An entry that it refuses is void:
// it takes its number, the next entry chains over its bytes, it changes nothing. The rules are
// numbered as in docs/format.md, "Validity"; those of one kind of act are in rules/acts/.
#pragma once

#include <optional>
#include <string>

#include "engine/rules/state.h"
#include "engine/rules/violation.h"

namespace kist {

// The capabilities of which an act asks one of its author (V9); nothing for an act that any slot
// may commit.
std::optional<Capabilities> required_capability(const Act& act);

// The first rule that the entry breaks; nothing if it is valid. The caller has checked the
// signature against the author's key in `state` (for genesis: against the key that it introduces).
MaybeViolation validate(const State& state, const JournalEntry& entry);

// Whether that epoch may follow the current one: the next number, and an id that no epoch had.
bool begins_next_epoch(const State& state, std::uint32_t epoch_number, const EpochId& epoch);
// Whether that slot may end the current epoch without revoking a slot.
bool may_end_epoch(const State& state, const SlotId& author);

// Key segments that one entry, and all entries of a slot in one epoch, may introduce. The entry
// that ends the epoch names them all, so they must fit into it.
inline constexpr std::size_t entry_key_segments_max = 128;
// How far the entry that begins an epoch may stand behind the number that its boxes state.
inline constexpr std::uint64_t beginning_distance_max = 4'096;

// Ranges of entries that one entry may call proved.
inline constexpr std::size_t proved_ranges_max = 4'096;

// Entries that one closing of incidents may accept.
inline constexpr std::size_t accepted_entries_max = 1'024;

// Packs that one entry may condemn, clear, or name in an incident.
inline constexpr std::size_t entry_packs_max = 16'384;
// Packs that all slots without `maintain` together may have condemned: a slot that was taken over
// must not make everybody store everything again.
inline constexpr std::size_t doubted_packs_max = 4'096;

// Of how many snapshots one entry may judge the reference sets.
inline constexpr std::size_t entry_sets_max = 4'096;

// Numbers of blocks that one entry may reserve, and index segments that it may introduce: a client
// that follows the journal holds their lists in memory.
inline constexpr std::uint64_t entry_numbers_max = std::uint64_t{1} << 22U;
inline constexpr std::size_t entry_segments_max = 1'024;

// Index segments that stand condemned as dead at a time.
inline constexpr std::size_t dead_segments_max = 4'096;
// Snapshots, and names of objects, that an epoch's end may end; names that stand condemned.
inline constexpr std::size_t ended_parts_max = 65'536;

// The reason for every entry that is sealed in another epoch than it may be (V8), whatever else is
// wrong with it: some clients cannot open it, and all must give the same reason.
inline constexpr std::string_view epoch_reason = "an epoch that is not the current one";

std::string capability_names(Capabilities capabilities);
// "writer", "reader", "auditor", "operator", "owner"; and back. "custom" for any other set.
std::string role_name(Capabilities capabilities);
std::optional<Capabilities> capabilities_of_role(std::string_view role);
inline constexpr std::string_view role_names[] = {"writer", "reader", "auditor", "operator",
                                                  "owner"};

}  // namespace kist
