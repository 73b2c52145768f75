#include "engine/ops/verify/index_changes.h"

#include <algorithm>

#include "engine/journal/journal.h"

namespace kist {

bool IndexChanges::is_own(const JournalEntry& entry) const {
  return entry.author == repository_.keyring().slot() &&
         std::ranges::any_of(own_, [&](const auto& range) {
           return entry.sequence >= range.first && entry.sequence < range.second;
         });
}

void IndexChanges::require_none() const {
  repository_.journal().for_each_entry(begun_, [&](const ReplayedEntry& replayed) {
    const JournalEntry& entry = replayed.entry;
    const bool replaces = std::holds_alternative<Reindexed>(entry.act) ||
                          std::holds_alternative<SegmentsGivenUp>(entry.act);
    if (!replaces || is_own(entry)) return true;
    throw Error(Code::conflict, "the index has changed meanwhile; run the command again");
  });
}

}  // namespace kist
