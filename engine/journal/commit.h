// Committing: one journal entry, put only if its number is free, after everything before it was
// replayed. Whoever loses replays the winner and tries the next number. docs/architecture.md,
// "The commit protocol".
#pragma once

#include <functional>

#include "engine/format/journal_entry.h"
#include "engine/keys/repository.h"

namespace kist {

// `make` is asked for the act anew for each try, with the state that the entry will follow. In an
// epoch after the first, a client's first entry says that it keeps nothing of those before; that
// one is committed first. Returns the entry as committed. Error{conflict} after too many lost
// tries, Error{refused} when the act would be void.
JournalEntry commit(Repository& repository, const std::function<Act(const State&)>& make);

// An entry's raw bytes, sealed and signed.
Bytes seal_entry(const Keyring& keyring, Random& random, const JournalEntry& entry);
// The same for the entry that begins an epoch: it is sealed with that one's journal key.
Bytes seal_entry(const Keyring& keyring,
                 const Key& journal_key,
                 Random& random,
                 const JournalEntry& entry);

// Throws unless entries may be committed here: Error{unsupported} on a store whose put-if-absent
// does not hold, Error{refused} on a machine without memory to which the journal looks like an old
// copy. To be called before a lot is stored for an entry; committing does so too.
void require_writable(Repository& repository);

// One try, right after the head that was replayed: false when another entry stands there by now.
// Whatever the act relies on is durable. Nothing is replayed.
bool commit_at_head(Repository& repository, const JournalEntry& entry, const Key& journal_key);
// The same after what the caller takes for the head: `state` is that entry's.
bool commit_after(Repository& repository,
                  const State& state,
                  const JournalEntry& entry,
                  const Key& journal_key);
// Brings the catalog in step with the journal; Error{corrupt} when nothing can be committed after
// it.
void replay(Repository& repository);
// Says, in an epoch after the first and unless it was said, that the local state was remade.
void tell_state_remade(Repository& repository);
// The entry that would follow the head, with its time.
JournalEntry next_entry(const Repository& repository, Act act);

}  // namespace kist
