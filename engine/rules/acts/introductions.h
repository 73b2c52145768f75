// Rules that several acts share: how a slot enters (genesis, slot added), and how key segments do
// (snapshot taken, epoch ended). docs/format.md, "Validity", V16, V17, V36 and V37.
#pragma once

#include <vector>

#include "engine/rules/state.h"
#include "engine/rules/violation.h"

namespace kist {

MaybeViolation check_introduction(const State& state, const SlotIntroduction& slot);
// The slot, and its sources, which belong to it from now on.
void add_slot(State& state, const SlotIntroduction& introduction, const JournalEntry& entry);

// Whether the keys of an epoch that begins with that entry are new.
MaybeViolation check_beginning(const State& state,
                               const EpochBeginning& beginning,
                               const JournalEntry& entry);

MaybeViolation check_new_key_segments(const State& state, const std::vector<ObjectHash>& names);

}  // namespace kist
