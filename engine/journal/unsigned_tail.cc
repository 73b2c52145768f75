#include "engine/journal/unsigned_tail.h"

#include "engine/base/attempt.h"
#include "engine/crypto/hash.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/journal/sealed_entry.h"
#include "engine/rules/validate.h"
#include "engine/store/twins.h"

namespace kist {

namespace {

// Whether a slot of the repository has signed these bytes, whatever they are.
bool is_signed_by_slot(const Journal& journal, const Copy& copy) {
  bool is_signed = false;
  const auto damage = damage_of([&] {
    is_signed = is_signed_by_author(
        journal.state(),
        decode_entry_envelope(*copy.bytes, copy.path, journal.keyring().repository()));
  });
  return is_signed && !damage;
}

// The first copy under that number; nothing where there is none.
std::optional<Bytes> read_unsigned(const Journal& journal, std::uint64_t sequence) {
  std::optional<Bytes> first;
  const auto look = [&](Copy& copy) {
    if (copy.is_absent()) return false;
    if (copy.problem) {
      throw Error(Code::refused,
                  concat(copy.path, " cannot be read (", copy.problem->text(),
                         "); move it away, if it is no entry of the journal, and run again"));
    }
    if (is_signed_by_slot(journal, copy)) {
      throw Error(Code::refused,
                  concat(copy.path,
                         " was signed by a slot, so an entry before it is damaged, not junk; "
                         "restore that from a copy of the repository"));
    }
    if (!first) first = std::move(*copy.bytes);
    return false;  // both copies are looked at
  };
  find_copy(journal.reader(), journal_path(sequence), journal_entry_bytes_max, look);
  return first;
}

// A void entry is stored twice, like every other.
void complete_copies(const Journal& journal, const std::vector<UnsignedEntry>& tail) {
  for (const UnsignedEntry& each : tail) {
    const std::string path = journal_path(each.sequence);
    const auto bytes = read_unsigned(journal, each.sequence);
    if (!bytes || hash_object(*bytes) != each.hash) {
      throw Error(Code::conflict, concat(path, " is not what it was; run again"));
    }
    for (const std::string& copy : copies_of(path)) {
      if (!journal.reader().size(copy)) journal.writer().put(copy, *bytes);
    }
  }
}

// Behind the tail there is nothing that a slot has signed: what that relies on would be lost.
void require_no_hole(const Journal& journal, std::uint64_t next) {
  State after = journal.state();
  after.next_sequence = next;
  const auto hole = find_hole(journal.reader(), journal.keyring().repository(), after,
                              Beyond::everywhere, journal.observer());
  if (hole) {
    throw Error(Code::refused, concat(hole->problem, ": that is not passed over; ", hole->advice));
  }
}

[[noreturn]] void refuse_late() {
  throw Error(Code::conflict, "another entry has come meanwhile; run again");
}

}  // namespace

std::vector<UnsignedEntry> find_unsigned_tail(Journal& journal) {
  std::vector<UnsignedEntry> out;
  const Journal::Replayed replayed = journal.replay();
  if (replayed.is_readable()) return out;
  if (replayed.broken->kind != JournalBreak::Kind::unsigned_tail) {
    throw Error(Code::refused, concat(replayed.broken->problem, ": that is not passed over; ",
                                      replayed.broken->advice));
  }
  for (std::uint64_t sequence = journal.state().next_sequence;; ++sequence) {
    const auto bytes = read_unsigned(journal, sequence);
    if (!bytes) {
      require_no_hole(journal, sequence);
      return out;
    }
    if (out.size() == accepted_entries_max) {
      throw Error(Code::refused,
                  concat("there are more than ", accepted_entries_max,
                         " such objects; remove the last ones from the store and run again"));
    }
    out.push_back({sequence, bytes->size(), hash_object(*bytes)});
  }
}

std::uint64_t accept_unsigned_tail(Journal& journal,
                                   const std::vector<UnsignedEntry>& tail,
                                   const std::string& note) {
  KIST_ENSURE(!tail.empty());
  const Journal::Writable writable = journal.require_writable_over_tail();
  State after = journal.state();
  IncidentsClosed act{
      .first = tail.front().sequence, .last = tail.back().sequence, .note = note, .accepted = {}};
  for (const UnsignedEntry& each : tail) {
    if (each.sequence != after.next_sequence) refuse_late();
    apply_void(after, "junk", each.hash);
    act.accepted.push_back(each.hash);
  }
  JournalEntry entry = journal.next_entry(act);
  entry.sequence = after.next_sequence;
  entry.previous = after.head;
  complete_copies(journal, tail);
  if (!journal.commit_after(writable, after, entry, journal.keyring().journal_key())) refuse_late();
  journal.replay_readable();
  return entry.sequence;
}

}  // namespace kist
