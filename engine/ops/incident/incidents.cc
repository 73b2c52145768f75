#include "engine/ops/incident/incidents.h"

#include "engine/rules/validate.h"

namespace kist {

std::vector<Incident> list_incidents(const Repository& repository) {
  return repository.state().incidents;
}

std::vector<Incident> open_incidents(const Repository& repository) {
  std::vector<Incident> out;
  for (const Incident* incident : repository.state().open_incidents()) {
    out.push_back(*incident);
  }
  return out;
}

std::string closing_note(Repository& repository, const Incident& incident) {
  repository.require_view();
  std::string out;
  if (incident.is_open()) return out;
  repository.journal().for_each_entry(incident.closed_by, [&](const ReplayedEntry& replayed) {
    if (const auto* closed = std::get_if<IncidentsClosed>(&replayed.entry.act)) out = closed->note;
    return false;
  });
  return out;
}

std::set<ObjectHash> packs_of(Repository& repository, const Incident& incident) {
  repository.require_view();
  std::set<ObjectHash> out;
  repository.journal().for_each_entry(incident.sequence, [&](const ReplayedEntry& replayed) {
    const auto* opened = std::get_if<IncidentOpened>(&replayed.entry.act);
    const bool is_its = opened != nullptr && replayed.entry.author == incident.author;
    if (is_its && replayed.void_reason.empty())
      out.insert(opened->packs.begin(), opened->packs.end());
    return replayed.entry.sequence < incident.last && out.size() < entry_packs_max;
  });
  return out;
}

std::uint64_t close_incidents(Repository& repository, const CloseIncidentsOptions& options) {
  repository.require(can_own);
  const Journal::Writable writable = repository.journal().require_writable();
  const JournalEntry entry = repository.journal().commit(writable, [&](const State&) {
    return IncidentsClosed{.first = options.first, .last = options.last, .note = options.note};
  });
  return entry.sequence;
}

std::vector<DamageIncident> damage_incidents(const Repository& repository) {
  return repository.local().damage().incidents();
}

std::uint64_t close_damage_incidents(const Repository& repository, const std::string& note) {
  return repository.local().damage().close(note, repository.services().clock.now_ms());
}

std::vector<UnsignedEntry> find_unsigned_tail(Repository& repository) {
  return find_unsigned_tail(repository.journal());
}

std::uint64_t accept_unsigned_tail(Repository& repository,
                                   const std::vector<UnsignedEntry>& tail,
                                   const std::string& note) {
  repository.require(can_own);
  return accept_unsigned_tail(repository.journal(), tail, note);
}

}  // namespace kist
