#include "engine/ops/incident/incidents.h"

#include "engine/crypto/hash.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/journal/commit.h"
#include "engine/journal/entry_copies.h"
#include "engine/journal/replay.h"
#include "engine/keys/sealed_object.h"
#include "engine/rules/validate.h"

namespace kist {

std::vector<VoidEntry> list_incidents(const Repository& repository) {
  return repository.state().voids;
}

std::vector<VoidEntry> open_incidents(const Repository& repository) {
  std::vector<VoidEntry> out;
  for (const VoidEntry* incident : repository.state().open_incidents()) {
    out.push_back(*incident);
  }
  return out;
}

std::string closing_note(Repository& repository, const VoidEntry& incident) {
  repository.require_view();
  std::string out;
  if (incident.is_open()) return out;
  repository.local->catalog().for_each(incident.closed_by, [&](const ReplayedEntry& replayed) {
    if (const auto* closed = std::get_if<IncidentsClosed>(&replayed.entry.act)) out = closed->note;
    return false;
  });
  return out;
}

namespace {

// Whether a slot of the repository has signed these bytes, whatever they are.
bool is_signed_by_slot(const Repository& repository, const std::string& name, View bytes) {
  try {
    return is_signed_by_author(repository.state(),
                               decode_envelope_of(bytes, name, ObjectType::journal_entry,
                                                  repository.keyring.repository()));
  } catch (const Error& error) {
    if (!is_damage(error)) throw;
    return false;
  }
}

// The first copy that can be read; nothing where there is no such object.
std::optional<Bytes> read_junk(Repository& repository, std::uint64_t sequence) {
  const std::string name = journal_name(sequence);
  std::optional<Bytes> first;
  for (const std::string& copy : {name, twin_name(name)}) {
    if (!repository.reader().size(copy)) continue;
    Bytes bytes;
    try {
      bytes = get_object(repository.reader(), copy, journal_entry_bytes_max);
    } catch (const Error& error) {
      if (error.code() == Code::interrupted) throw;
      throw Error(Code::refused,
                  concat(copy, " cannot be read (", error.text(),
                         "); move it away, if it is no entry of the journal, and run again"));
    }
    if (is_signed_by_slot(repository, copy, bytes)) {
      throw Error(Code::refused,
                  concat(copy,
                         " was signed by a slot, so an entry before it is damaged, not junk; "
                         "restore that from a copy of the repository"));
    }
    if (!first) first = std::move(bytes);
  }
  return first;
}

}  // namespace

std::uint64_t close_incidents(Repository& repository, const CloseIncidentsOptions& options) {
  repository.require(can_own);
  const JournalEntry entry = commit(repository, [&](const State&) {
    return IncidentsClosed{.first = options.first, .last = options.last, .note = options.note};
  });
  return entry.sequence;
}

std::vector<Junk> find_junk(Repository& repository) {
  std::vector<Junk> out;
  if (!sync_journal(repository).has_undecodable_head) return out;
  for (std::uint64_t sequence = repository.state().next_sequence;; ++sequence) {
    const auto bytes = read_junk(repository, sequence);
    if (!bytes) return out;
    if (out.size() == accepted_entries_max) {
      throw Error(Code::refused,
                  concat("there are more than ", accepted_entries_max,
                         " such objects; remove the last ones from the store and run again"));
    }
    out.push_back({sequence, bytes->size(), hash_object(*bytes)});
  }
}

namespace {

// Like every entry, what is void from now on is stored twice.
void complete_copies(Repository& repository, const std::vector<Junk>& junk) {
  for (const Junk& each : junk) {
    const std::string name = journal_name(each.sequence);
    const auto bytes = read_junk(repository, each.sequence);
    if (!bytes || hash_object(*bytes) != each.hash) {
      throw Error(Code::conflict, concat(name, " is not what it was; run again"));
    }
    for (const std::string& copy : {name, twin_name(name)}) {
      if (!repository.reader().size(copy)) repository.writer().put(copy, *bytes);
    }
  }
}

}  // namespace

std::uint64_t pass_over_junk(Repository& repository,
                             const std::vector<Junk>& junk,
                             const std::string& note) {
  repository.require(can_own);
  KIST_ENSURE(!junk.empty());
  require_writable(repository);
  State after = repository.state();
  IncidentsClosed act{
      .first = junk.front().sequence, .last = junk.back().sequence, .note = note, .accepted = {}};
  for (const Junk& each : junk) {
    if (each.sequence != after.next_sequence) {
      throw Error(Code::conflict, "another entry has come meanwhile; run again");
    }
    apply_void(after, "junk", each.hash);
    act.accepted.push_back(each.hash);
  }
  JournalEntry entry = next_entry(repository, act);
  entry.sequence = after.next_sequence;
  entry.previous = after.head;
  complete_copies(repository, junk);
  if (!commit_after(repository, after, entry, repository.keyring.journal_key())) {
    throw Error(Code::conflict, "another entry has come meanwhile; run again");
  }
  replay(repository);
  return entry.sequence;
}

}  // namespace kist
