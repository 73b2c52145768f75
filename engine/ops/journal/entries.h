// Looking at the journal: its length, its entries, void ones included. Everything is read from the
// catalog, so it is what this machine has replayed and checked; nothing is read from the store.
// Entries are shown to slots with `read` or `audit` only, the length to any. docs/format.md,
// "Journal".
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "engine/catalog/catalog.h"
#include "engine/journal/checkpoint.h"
#include "engine/repository/repository.h"

namespace kist {

struct JournalInfo {
  std::uint64_t entries = 0;
  ObjectHash head;  // hash of the last entry's raw bytes
  std::string
      problem;  // why the journal cannot be followed past that, and what to do; empty: it can
};

JournalInfo journal_info(const Repository& repository);

// Calls `each` with every entry from number `first` on, in order, until it returns false.
// Error{refused} without `read` and `audit`.
void for_each_journal_entry(Repository& repository,
                            std::uint64_t first,
                            const std::function<bool(const ReplayedEntry&)>& each);

// The entry of that number; nothing when the journal ends before it. Refused likewise.
std::optional<ReplayedEntry> find_journal_entry(Repository& repository, std::uint64_t sequence);

// Checkpoints of the repository's journal, and proofs under them: as journal/checkpoint.h has them.
std::string make_checkpoint(const Repository& repository);
std::string checkpoint_verifier(const Repository& repository);
Consistency check_checkpoint(const Repository& repository, const Checkpoint& checkpoint);
std::string prove_entry(const Repository& repository, std::uint64_t sequence);

}  // namespace kist
