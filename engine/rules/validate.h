// The law of the repository: whether an entry holds, as a pure function of the journal's bytes.
// Every client decides by it alone, so all decide alike. An entry that it refuses is void: it takes
// its number, the next one chains over its bytes, it changes nothing. docs/format.md, "Validity".
#pragma once

#include <optional>
#include <string>

#include "engine/rules/state.h"

namespace kist {

// The capability that an entry of this kind asks of its author; nothing for a kind that any slot
// may write about itself.
std::optional<Capability> required_capability(const Act& act);

// Why the entry is void, or nothing. The caller has checked the signature against the author's key
// in `state` (for genesis: against the key that it introduces) and that the hash chain holds.
std::optional<std::string> validate(const State& state, const JournalEntry& entry);

// Whether such an epoch may follow the current one.
bool begins_next_epoch(const State& state, std::uint32_t epoch_number, const EpochId& epoch);
// Whether that slot may end the current epoch, if it revokes nobody.
bool may_end_epoch(const State& state, const SlotId& author);

// Key segments that one entry, and all entries of a slot in one epoch, may introduce: the entry
// that ends the epoch names them all.
inline constexpr std::size_t entry_key_segments_max = 128;
inline constexpr std::uint32_t slot_key_segments_max = 16'384;

// Entries that one closing may accept.
inline constexpr std::size_t accepted_entries_max = 1'024;

// The reason for whatever is sealed in another epoch than it may be: not everybody can open it, and
// all must judge alike.
inline constexpr std::string_view epoch_reason = "an epoch that is not the current one";

std::string capability_names(Capabilities capabilities);
// "writer", "reader", "auditor", "operator", "owner"; and back. "custom" for any other set.
std::string role_name(Capabilities capabilities);
std::optional<Capabilities> capabilities_of_role(std::string_view role);
inline constexpr std::string_view role_names[] = {"writer", "reader", "auditor", "operator",
                                                  "owner"};

// Blocks, and index segments, that one entry may introduce: whoever follows it holds what they list
// in memory.
inline constexpr std::uint64_t entry_blocks_max = std::uint64_t{1} << 22U;
inline constexpr std::size_t entry_segments_max = 1'024;

}  // namespace kist
