// Which bytes are the journal's next entry: its two copies, what is said of them elsewhere, and
// what to do when both are damaged. docs/format.md, "Validity".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "engine/format/envelope.h"
#include "engine/keys/repository.h"

namespace kist {

// One copy of an entry as read from the store. Not authentic: `entry` is empty, `reason` says why.
struct EntryCopy {
  bool is_read = false;  // the store gave it
  Bytes bytes;
  ObjectHash hash;
  SlotId author;  // as it says
  std::optional<JournalEntry> entry;
  std::string reason;  // the same for everybody who reads these bytes
  std::string damage;  // the details
  // Its author's signature is good: the bytes are as they were written, whatever they are.
  bool is_signed = false;
  bool is_of_number = false;  // and they say that this is their number
  bool fits = false;          // and that this is their place in the chain
};

struct NextEntry {
  std::optional<EntryCopy> copy;
  bool is_undecodable = false;  // there is something, of which nothing can be made
};

// Whether the slot that the envelope names is one of the state's, and has signed it.
bool is_signed_by_author(const State& state, const Envelope& envelope);

// By sequence, what an owner has said of entries that nothing else tells of. One saying is about
// many: it is looked for once.
using AcceptedEntries = std::map<std::uint64_t, ObjectHash>;

// The entry of that number, right after those that were replayed; nothing when there is none.
// Error{corrupt} when it is damaged, or when two entries stand in its place.
NextEntry read_entry(Repository& repository, std::uint64_t sequence, AcceptedEntries& accepted);

}  // namespace kist
