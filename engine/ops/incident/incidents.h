// Incidents: what went wrong with the journal, until an owner has looked into it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/keys/repository.h"

namespace kist {

// Every incident, closed ones too, in journal order. Any slot may ask: incidents name no content.
std::vector<VoidEntry> list_incidents(const Repository& repository);
// Those of them that no owner has closed.
std::vector<VoidEntry> open_incidents(const Repository& repository);
// The note with which an owner closed the incident; empty for an open one. Error{refused} without
// `read` and `audit`.
std::string closing_note(Repository& repository, const VoidEntry& incident);

struct CloseIncidentsOptions {
  std::uint64_t first = 0;  // sequences of void entries, both included
  std::uint64_t last = 0;
  std::string note;
};

// Closes the incidents in that range; the sequence of the entry that says so. Error{refused} when
// none of them is open (`own`).
std::uint64_t close_incidents(Repository& repository, const CloseIncidentsOptions& options);

// What stands after the journal's last entry, and no slot has signed.
struct Junk {
  std::uint64_t sequence = 0;
  std::uint64_t size = 0;
  ObjectHash hash;
};

// Error{refused} when a slot has signed one of them: then one before it is damaged, not junk; or
// when one cannot be read. Nothing: every entry can be read.
std::vector<Junk> find_junk(Repository& repository);

// Goes on over that junk, for everybody, and closes the incidents that it is. The sequence of the
// entry that says so. Error{conflict} when another entry has come meanwhile (`own`).
std::uint64_t pass_over_junk(Repository& repository,
                             const std::vector<Junk>& junk,
                             const std::string& note);

}  // namespace kist
