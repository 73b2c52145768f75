#include "engine/ops/verify/journal_checker.h"

#include "engine/crypto/hash.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/journal/journal.h"
#include "engine/store/twins.h"

namespace kist {

// The catalog's entries were validated when they were replayed; the store must still hold them.
std::uint64_t JournalChecker::check_all() {
  const std::optional<JournalBreak> broken = repository_.journal().replay().broken;
  for (const std::string& name : repository_.journal().restored()) {
    report_({.object = name,
             .problem = "it was missing; its second copy is good, and was put in its place",
             .offset = {},
             .is_healed = true,
             .remedy = Remedy::heal});
  }
  if (broken) {
    report_({.object = journal_path(broken->sequence), .problem = broken->problem, .offset = {}});
  }
  std::uint64_t count = 0;
  repository_.journal().for_each_entry(0, [&](const ReplayedEntry& replayed) {
    check_cancelled(repository_.observer());
    check_entry(replayed.entry.sequence, replayed.hash);
    ++count;
    return true;
  });
  tell_incidents();
  return count;
}

// Whoever was cut off between the last entry and its second copy left one; the next commit makes
// the other before it does anything else.
void JournalChecker::check_entry(std::uint64_t sequence, const ObjectHash& hash) {
  const std::string path = journal_path(sequence);
  const bool is_head = sequence + 1 == repository_.state().next_sequence;
  if (is_head && !repairs_ && !repository_.reader().size(copies_of(path).back())) {
    copies_.check(path, hash, journal_entry_bytes_max);
    return;
  }
  copies_.check_twins(path, journal_entry_bytes_max, [&](View bytes) {
    if (hash_object(bytes) == hash) return;
    const auto rival = repository_.journal().find_rival(sequence, bytes);
    throw Error(Code::corrupt,
                rival ? concat("it is ", *rival) : "its bytes do not hash to what is expected");
  });
}

void JournalChecker::tell_incidents() {
  for (const Incident* incident : repository_.state().open_incidents()) {
    const std::string path = journal_path(incident->sequence);
    const std::string more =
        incident->count == 1 ? "" : concat(", and ", incident->count - 1, " more");
    if (incident->kind == IncidentKind::void_entries) {
      report_({.object = path, .problem = concat("void: ", incident->reason, more), .offset = {}});
    } else {
      note_(path, concat("an incident is open: ", incident->reason, more));
    }
  }
}

}  // namespace kist
