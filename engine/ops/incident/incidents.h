// Incidents: what went wrong with the journal, until an owner has looked into it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/journal/unsigned_tail.h"
#include "engine/repository/repository.h"

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

// As find_unsigned_tail() of the journal.
std::vector<UnsignedEntry> find_unsigned_tail(Repository& repository);
// As accept_unsigned_tail() of the journal; Error{refused} without the capability `own`.
std::uint64_t accept_unsigned_tail(Repository& repository,
                                   const std::vector<UnsignedEntry>& tail,
                                   const std::string& note);

}  // namespace kist
