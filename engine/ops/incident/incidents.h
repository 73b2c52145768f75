// Incidents: what went wrong with the journal, until an owner has looked into it; and packs that
// this machine has found gone or damaged, until they are whole again.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "engine/catalog/damage_record.h"
#include "engine/journal/unsigned_tail.h"
#include "engine/repository/repository.h"

namespace kist {

// Every incident, closed ones too, in journal order. Any slot may ask: incidents name no content.
std::vector<Incident> list_incidents(const Repository& repository);
// Those of them that no owner has closed.
std::vector<Incident> open_incidents(const Repository& repository);
// The note with which an owner closed the incident; empty for an open one. Error{refused} without
// `read` and `audit`.
std::string closing_note(Repository& repository, const Incident& incident);

// The packs that the entries of an incident of kind `packs` name, without duplicates, the first
// 16,384 of them. Error{refused} without `read` and `audit`.
std::set<ObjectHash> packs_of(Repository& repository, const Incident& incident);

struct CloseIncidentsOptions {
  std::uint64_t first = 0;  // sequences of void entries, both included
  std::uint64_t last = 0;
  std::string note;
};

// Closes the incidents in that range; the sequence of the entry that says so. Error{refused} when
// none of them is open (`own`).
std::uint64_t close_incidents(Repository& repository, const CloseIncidentsOptions& options);

// The incidents of this machine, oldest first, closed ones too: packs that its commands have found
// gone or damaged and that were not found whole since. They stand in the local directory, so other
// machines do not know of them. Any slot may ask, and close them.
std::vector<DamageIncident> damage_incidents(const Repository& repository);
// Closes those that are open, and returns how many that were. The packs stay what they are: nothing
// relies on them. Error{invalid} for a note that is too long.
std::uint64_t close_damage_incidents(const Repository& repository, const std::string& note);

// As find_unsigned_tail() of the journal.
std::vector<UnsignedEntry> find_unsigned_tail(Repository& repository);
// As accept_unsigned_tail() of the journal; Error{refused} without the capability `own`.
std::uint64_t accept_unsigned_tail(Repository& repository,
                                   const std::vector<UnsignedEntry>& tail,
                                   const std::string& note);

}  // namespace kist
