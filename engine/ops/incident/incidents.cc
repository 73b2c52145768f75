#include "engine/ops/incident/incidents.h"

namespace kist {

std::uint64_t close_incidents(Repository& repository, const CloseIncidentsOptions& options) {
  repository.require(can_own);
  const Journal::Writable writable = repository.journal().require_writable();
  const JournalEntry entry = repository.journal().commit(writable, [&](const State&) {
    return IncidentsClosed{.first = options.first, .last = options.last, .note = options.note};
  });
  return entry.sequence;
}

std::uint64_t accept_unsigned_tail(Repository& repository,
                                   const std::vector<UnsignedEntry>& tail,
                                   const std::string& note) {
  repository.require(can_own);
  return accept_unsigned_tail(repository.journal(), tail, note);
}

}  // namespace kist
