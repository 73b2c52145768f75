// Rules that several acts share: how a slot enters (genesis, slot added), how key segments do
// (snapshot taken, reindexed, epoch ended), how index segments go (reindexed, given up), and how
// packs are named (condemned, cleared, in an incident); and what `maintain` makes a difference to.
// docs/format.md, "Validity".
#pragma once

#include <algorithm>
#include <functional>
#include <vector>

#include "engine/rules/state.h"
#include "engine/rules/violation.h"

namespace kist {

[[nodiscard]] bool has_maintain(const State& state, const SlotId& slot);
[[nodiscard]] bool has_own(const State& state, const SlotId& slot);

MaybeViolation check_introduction(const State& state, const SlotIntroduction& slot);
// The slot, and its sources, which belong to it from now on.
void add_slot(State& state, const SlotIntroduction& introduction, const JournalEntry& entry);

// Whether the keys of an epoch that begins with that entry are new.
MaybeViolation check_beginning(const State& state,
                               const EpochBeginning& beginning,
                               const JournalEntry& entry);

// Whether these are 1 to entry_packs_max packs, ascending; if not, an entry that names them is void
// for packs_reason.
bool are_in_order(const std::vector<ObjectHash>& packs);
inline constexpr std::string_view packs_reason = "packs that are none, too many or not in order";

// Whether each is greater than the one before it.
template <typename List, typename Projection = std::identity>
bool ascend(const List& list, Projection projection = {}) {
  return std::ranges::adjacent_find(list, std::ranges::greater_equal(), projection) == list.end();
}

MaybeViolation check_distinct(const std::vector<ObjectHash>& key_segments);
// Those of an entry that does not end an epoch.
MaybeViolation check_key_segments(const State& state, const std::vector<ObjectHash>& key_segments);

// Whether these are 1 to entry_segments_max index segments that count, ascending; if not, an entry
// that takes them out is void for segments_reason.
bool are_current_segments(const State& state, const std::vector<ObjectHash>& segments);
inline constexpr std::string_view segments_reason =
    "index segments that are none, too many, not in order or not current";
// Whether they ascend and all count.
bool are_current_in_order(const State& state, const std::vector<ObjectHash>& segments);
// It does not count any more.
void retire_segment(State& state, const ReplacedSegment& replaced);

}  // namespace kist
