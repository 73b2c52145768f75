#include "engine/ops/incidents.h"

#include "engine/repository/commit.h"

namespace kist {

std::uint64_t close_incidents(Repository& repository, const CloseIncidentsOptions& options) {
  repository.require(can_own);
  const JournalEntry entry = commit(repository, [&](const State&) {
    IncidentsClosed out{.first = options.first, .last = options.last, .note = options.note};
    if (repository.accepted_from) {
      repository.local->catalog().for_each(*repository.accepted_from,
                                           [&](const ReplayedEntry& replayed) {
                                             out.accepted.push_back(replayed.hash);
                                             return true;
                                           });
    }
    return out;
  });
  return entry.sequence;
}

}  // namespace kist
