// Incidents: what went wrong with the journal, until an owner has looked into it.
#pragma once

#include <cstdint>
#include <string>

#include "engine/repository/repository.h"

namespace kist {

struct CloseIncidentsOptions {
  std::uint64_t first = 0;  // sequences of void entries, both included
  std::uint64_t last = 0;
  std::string note;
};

// Closes the incidents in that range. Where the repository was opened to go on over entries that
// cannot be told to be junk or damage, everybody goes on over them from here on. The sequence of
// the entry that says so. Error{refused} when none of the incidents is open (`own`).
std::uint64_t close_incidents(Repository& repository, const CloseIncidentsOptions& options);

}  // namespace kist
