// Incidents: what went wrong with the journal, until an owner has looked into it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/journal/unsigned_tail.h"
#include "engine/repository/repository.h"

namespace kist {

struct CloseIncidentsOptions {
  std::uint64_t first = 0;  // sequences of void entries, both included
  std::uint64_t last = 0;
  std::string note;
};

// Closes the incidents in that range; the sequence of the entry that says so. Error{refused} when
// none of them is open (`own`).
std::uint64_t close_incidents(Repository& repository, const CloseIncidentsOptions& options);

// As accept_unsigned_tail() of the journal; Error{refused} without the capability `own`.
std::uint64_t accept_unsigned_tail(Repository& repository,
                                   const std::vector<UnsignedEntry>& tail,
                                   const std::string& note);

}  // namespace kist
