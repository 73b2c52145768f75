// Committing: one journal entry, put only if its number is free, after everything before it was
// replayed. Whoever loses replays the winner and tries the next number. docs/architecture.md,
// "The commit protocol".
#pragma once

#include <functional>

#include "engine/format/journal_entry.h"
#include "engine/repository/repository.h"

namespace kist {

// `make` is asked for the act anew for each try, with the state that the entry will follow. Returns
// the entry as committed. Error{conflict} after too many lost tries, Error{refused} when the act
// would be void.
JournalEntry commit(Repository& repository, const std::function<Act(const State&)>& make);

// Throws Error{invalid} unless every client could read the entry: a text that is too long, say.
void check_encodable(const JournalEntry& entry);

// An entry's raw bytes, sealed and signed.
Bytes seal_entry(const Keyring& keyring, Random& random, const JournalEntry& entry);

}  // namespace kist
