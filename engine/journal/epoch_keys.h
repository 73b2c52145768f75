// From one epoch to the next: the journal keys that a replay needs, and the keys that the slot
// works with once the journal has confirmed them. docs/format.md, "Epochs".
#pragma once

#include "engine/format/envelope.h"
#include "engine/keys/repository.h"

namespace kist {

// The key of the next entry to be replayed, of which only the envelope is known; null when no entry
// of that epoch can stand there. Error{refused} when one that may end the current epoch has, and
// this slot has no key to the next: it was revoked, or its epoch box is lost. Error{corrupt} when
// that box is damaged.
const Key* get_journal_key(Repository& repository, const Envelope& envelope);

// Throws the Error{refused} above: what `sequence` is sealed with is not what this slot was given.
[[noreturn]] void refuse_epoch(std::uint64_t sequence);

// The slot enters the epoch that the replay has come to, if it is not in it: its keys, and the
// local state, which keeps nothing of others. False when its keys are not there: the journal may
// have gone on, and is to be replayed; Error{missing} when it was, and had nothing after
// `tried_at`.
bool enter_current_epoch(Repository& repository, std::uint64_t tried_at);

// A journal key as the next epoch's first entry carries it, and back.
SealedJournalKey seal_journal_key(const Key& former, const Key& journal_key);
Key open_journal_key(const SealedJournalKey& sealed, const Key& journal_key);

}  // namespace kist
