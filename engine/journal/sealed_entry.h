// A journal entry as bytes: sealed with an epoch's journal key, signed by its author, and back.
// docs/format.md, "Journal".
#pragma once

#include <string>

#include "engine/base/bytes.h"
#include "engine/base/random.h"
#include "engine/format/envelope.h"
#include "engine/format/journal_entry.h"
#include "engine/keys/keyring.h"
#include "engine/rules/state.h"

namespace kist {

// The entry's raw bytes, sealed with the journal key of the slot's current epoch.
Bytes seal_entry(const Keyring& keyring, Random& random, const JournalEntry& entry);
// The same with another key: the entry that begins an epoch is sealed with that epoch's.
Bytes seal_entry(const Keyring& keyring,
                 const Key& journal_key,
                 Random& random,
                 const JournalEntry& entry);

// The envelope of what lies under an entry's path; Error{corrupt} for anything else.
Envelope decode_entry_envelope(View bytes, const std::string& path, const RepositoryId& repository);
// The entry in an envelope; Error{corrupt} when `journal_key` does not open it.
JournalEntry open_entry(const Envelope& envelope, const std::string& path, const Key& journal_key);
// Whether `journal_key` opens the envelope, whatever it holds.
[[nodiscard]] bool opens_entry(const Envelope& envelope, const Key& journal_key);

// Whether the slot that the envelope names is one of the state's, and has signed it.
[[nodiscard]] bool is_signed_by_author(const State& state, const Envelope& envelope);

}  // namespace kist
