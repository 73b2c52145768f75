#include "engine/ops/journal/entries.h"

namespace kist {

JournalInfo journal_info(const Repository& repository) {
  return {.entries = repository.state().next_sequence, .head = repository.state().head};
}

void for_each_journal_entry(Repository& repository,
                            std::uint64_t first,
                            const std::function<bool(const ReplayedEntry&)>& each) {
  repository.require_view();
  repository.local->catalog().for_each(first, each);
}

std::optional<ReplayedEntry> find_journal_entry(Repository& repository, std::uint64_t sequence) {
  std::optional<ReplayedEntry> found;
  for_each_journal_entry(repository, sequence, [&](const ReplayedEntry& replayed) {
    if (replayed.entry.sequence == sequence) found = replayed;
    return false;
  });
  return found;
}

}  // namespace kist
