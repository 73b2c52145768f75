#include "engine/ops/journal/entries.h"

namespace kist {

JournalInfo journal_info(const Repository& repository) {
  const std::optional<JournalBreak>& broken = repository.journal().broken();
  return {.entries = repository.state().next_sequence,
          .head = repository.state().head,
          .problem = broken ? broken->error().text() : ""};
}

void for_each_journal_entry(Repository& repository,
                            std::uint64_t first,
                            const std::function<bool(const ReplayedEntry&)>& each) {
  repository.require_view();
  repository.journal().for_each_entry(first, each);
}

std::optional<ReplayedEntry> find_journal_entry(Repository& repository, std::uint64_t sequence) {
  std::optional<ReplayedEntry> found;
  for_each_journal_entry(repository, sequence, [&](const ReplayedEntry& replayed) {
    if (replayed.entry.sequence == sequence) found = replayed;
    return false;
  });
  return found;
}

std::string make_checkpoint(const Repository& repository) {
  return make_checkpoint(repository.journal());
}

std::string checkpoint_verifier(const Repository& repository) {
  return checkpoint_verifier(repository.journal());
}

Consistency check_checkpoint(const Repository& repository, const Checkpoint& checkpoint) {
  return check_checkpoint(repository.journal(), checkpoint);
}

std::string prove_entry(const Repository& repository, std::uint64_t sequence) {
  return prove_entry(repository.journal(), sequence);
}

}  // namespace kist
