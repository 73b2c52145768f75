// The unsigned tail: objects that stand where the journal's next entries would, and that no slot
// has signed. Anybody who can write to the store can put them there; nobody commits over them until
// an owner has accepted their bytes as void entries. docs/format.md, "Validity".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/id.h"
#include "engine/journal/journal.h"

namespace kist {

// One object of the unsigned tail.
struct UnsignedEntry {
  std::uint64_t sequence = 0;
  std::uint64_t size = 0;
  ObjectHash hash;
};

// All of them, ascending; none when every entry can be read. Error{refused} when a slot has signed
// one of them, for then an entry before it is damaged; or when one cannot be read, or there are
// more than an entry may accept.
std::vector<UnsignedEntry> find_unsigned_tail(Journal& journal);

// Accepts the bytes of the tail as void entries, for every client, and closes the incidents that
// they are. The sequence of the entry that says so. Error{conflict} when another entry has come
// meanwhile. The caller has checked the capability (`own`).
std::uint64_t accept_unsigned_tail(Journal& journal,
                                   const std::vector<UnsignedEntry>& tail,
                                   const std::string& note);

}  // namespace kist
