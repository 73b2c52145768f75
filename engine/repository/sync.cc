#include "engine/repository/sync.h"

#include <map>
#include <set>

#include "engine/crypto/hash.h"
#include "engine/crypto/merkle.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/repository/epochs.h"
#include "engine/repository/sealed_object.h"
#include "engine/rules/validate.h"

namespace kist {

namespace {

constexpr std::uint64_t hole_max = 1024;

// One copy of an entry as read from the store. Not authentic: `entry` is empty, `reason` says why.
struct Copy {
  Bytes bytes;
  ObjectHash hash;
  std::optional<JournalEntry> entry;
  std::string reason;  // the same for everybody who reads these bytes
  std::string damage;  // the details
  // Its author's signature is good: the bytes are as they were written, whatever they are.
  bool is_signed = false;
  bool fits = false;  // and they say that this is their place in the chain
};

// Whether the author that the envelope names has signed it. Genesis introduces its author.
bool is_signed_by_author(const State& state, const Envelope& envelope) {
  const auto author = state.slots.find(envelope.header.author);
  return author != state.slots.end() &&
         is_signed_by(envelope, author->second.introduction.signing_key);
}

bool is_signed_by_owner(const Envelope& envelope, const JournalEntry& entry) {
  const auto* genesis = std::get_if<Genesis>(&entry.act);
  return genesis != nullptr && is_signed_by(envelope, genesis->owner.signing_key);
}

// What begins an epoch bears a signature that counts: where this slot's key does not open it, it is
// the key that is wrong, and what others can open must not be void for this slot.
SecretBytes open_payload(const Repository& repository,
                         const Envelope& envelope,
                         const std::string& name,
                         const Key& key) {
  try {
    return open_envelope(envelope, name, key);
  } catch (const Error&) {
    const State& state = repository.state();
    if (state.next_sequence > 0 && envelope.header.epoch != state.epoch) {
      refuse_epoch(state.next_sequence);
    }
    throw;
  }
}

JournalEntry decode_entry(const Repository& repository,
                          const Envelope& envelope,
                          const std::string& name,
                          const Key& key) {
  const JournalClear clear = decode_journal_clear(envelope.clear, name);
  const SecretBytes payload = open_payload(repository, envelope, name, key);
  JournalPayload decoded = decode_journal_payload(payload.view(), name);
  return {.sequence = clear.sequence,
          .previous = clear.previous,
          .author = envelope.header.author,
          .epoch_number = envelope.header.epoch_number,
          .epoch = envelope.header.epoch,
          .time_ms = decoded.time_ms,
          .act = std::move(decoded.act)};
}

// Throws nothing about the bytes: what they are not is the copy's to say.
void judge_copy(Repository& repository,
                const std::string& name,
                std::uint64_t sequence,
                Copy& copy) {
  std::optional<Envelope> envelope;
  const auto attempt = [&](const auto& work) {
    try {
      work();
    } catch (const Error& error) {
      if (error.code() != Code::corrupt && error.code() != Code::unsupported) throw;
      copy.reason = "it is not authentic";
      copy.damage = error.text();
    }
  };
  attempt([&] {
    envelope = decode_envelope_of(copy.bytes, name, ObjectType::journal_entry,
                                  repository.keyring.repository());
  });
  if (!envelope) return;
  const State& state = repository.state();
  // Genesis introduces its author; the slot knows its hash.
  copy.is_signed = state.next_sequence == 0 ? copy.hash == repository.keyring.fingerprint()
                                            : is_signed_by_author(state, *envelope);
  if (!copy.is_signed) {
    copy.reason = "it is not authentic";
    copy.damage = "its author's signature is not good";
    return;
  }
  const JournalClear clear = decode_journal_clear(envelope->clear, name);
  copy.fits = clear.sequence == sequence && clear.previous == state.head;
  const Key* key = get_journal_key(repository, *envelope);
  if (key == nullptr) {
    copy.reason = epoch_reason;
    copy.damage = copy.reason;
    return;
  }
  attempt([&] {
    JournalEntry entry = decode_entry(repository, *envelope, name, *key);
    if (state.next_sequence == 0 && !is_signed_by_owner(*envelope, entry)) {
      throw Error(Code::corrupt, "a signature that is not its author's");
    }
    if (entry.sequence != sequence) {
      throw Error(Code::corrupt, concat("it is entry ", entry.sequence));
    }
    copy.entry = std::move(entry);
  });
}

// A copy that cannot be read counts as one that is damaged: the other may be good.
std::optional<Copy> read_copy(Repository& repository,
                              const std::string& name,
                              std::uint64_t sequence) {
  Copy copy;
  try {
    copy.bytes = get_object(repository.reader(), name, journal_entry_bytes_max);
  } catch (const Error& error) {
    if (error.code() == Code::missing) return std::nullopt;
    if (error.code() == Code::interrupted) throw;
    copy.reason = "it cannot be read";
    copy.damage = error.text();
    return copy;
  }
  copy.hash = hash_object(copy.bytes);
  judge_copy(repository, name, sequence, copy);
  return copy;
}

// What entry `sequence` + 1 says of the one before it: empty when there is no such entry.
std::optional<ObjectHash> named_by_next(Repository& repository, std::uint64_t sequence) {
  const std::string name = journal_name(sequence + 1);
  for (const std::string& copy : {name, twin_name(name)}) {
    try {
      const Bytes bytes = get_object(repository.reader(), copy, journal_entry_bytes_max);
      const Envelope envelope = decode_envelope_of(bytes, copy, ObjectType::journal_entry,
                                                   repository.keyring.repository());
      const JournalClear clear = decode_journal_clear(envelope.clear, copy);
      if (clear.sequence == sequence + 1) return clear.previous;
    } catch (const Error& error) {
      if (error.code() == Code::interrupted) throw;
    }
  }
  return std::nullopt;
}

// Both copies of an entry, the same bytes once.
std::vector<Copy> read_copies(Repository& repository, std::uint64_t sequence) {
  const std::string name = journal_name(sequence);
  std::vector<Copy> out;
  for (const std::string& candidate : {name, twin_name(name)}) {
    std::optional<Copy> copy = read_copy(repository, candidate, sequence);
    if (copy && (out.empty() || out.front().hash != copy->hash)) out.push_back(std::move(*copy));
  }
  return out;
}

bool holds(const State& state, const Copy& copy) {
  return copy.entry && !validate(state, *copy.entry);
}

// Chooses among copies of which none, or more than one, can be taken as it is. Later history or
// this machine's memory decides; without either, an authentic copy does. Nothing: it is the head,
// and it cannot be told whether it is junk that won its number or damage.
std::optional<Copy> choose_copy(Repository& repository,
                                std::uint64_t sequence,
                                std::vector<Copy> copies) {
  if (std::ranges::count(copies, true, &Copy::fits) == 1) {
    return std::move(*std::ranges::find(copies, true, &Copy::fits));
  }
  const std::optional<Head> seen = repository.local->last_head();
  std::optional<ObjectHash> named = named_by_next(repository, sequence);
  if (!named && seen && seen->sequence == sequence) named = seen->hash;
  if (named) {
    const auto found = std::ranges::find(copies, *named, &Copy::hash);
    if (found != copies.end()) return std::move(*found);
    throw Error(Code::corrupt, concat(journal_name(sequence), " is damaged: ",
                                      copies.front().entry ? "another entry stands in its place"
                                                           : copies.front().damage,
                                      "; restore it from a copy of the repository"));
  }
  std::erase_if(copies, [](const Copy& copy) { return !copy.entry && !copy.is_signed; });
  if (copies.size() == 1) return std::move(copies.front());
  if (copies.empty()) return std::nullopt;
  throw Error(Code::corrupt, concat(journal_name(sequence),
                                    " and its second copy are two different entries: the journal "
                                    "was forked; do not use this repository before you know why"));
}

struct NextEntry {
  std::optional<Copy> copy;
  bool is_undecodable = false;  // there is something, of which nothing can be made
};

NextEntry read_entry(Repository& repository, std::uint64_t sequence) {
  const State& state = repository.state();
  const std::string name = journal_name(sequence);
  // Almost always the first copy is good, and nothing else is read.
  std::optional<Copy> first = read_copy(repository, name, sequence);
  if (first && holds(state, *first)) return {.copy = std::move(first)};
  std::vector<Copy> copies = read_copies(repository, sequence);
  if (copies.empty()) return {};
  const auto good =
      std::ranges::count_if(copies, [&](const Copy& copy) { return holds(state, copy); });
  std::optional<Copy> chosen;
  if (good == 1) {
    chosen = std::move(
        *std::ranges::find_if(copies, [&](const Copy& copy) { return holds(state, copy); }));
  } else {
    chosen = choose_copy(repository, sequence, std::move(copies));
  }
  if (!chosen) return {.copy = std::nullopt, .is_undecodable = true};
  if (!first || first->hash != chosen->hash) {
    repository.observer().notice(concat(name, " is ", first ? "damaged" : "missing",
                                        "; its second copy is good and was used"));
  }
  return {.copy = std::move(chosen)};
}

// The store must still show the head that the catalog ends with.
void check_head(Repository& repository) {
  const State& state = repository.state();
  if (state.next_sequence == 0) return;
  const std::uint64_t sequence = state.next_sequence - 1;
  const std::string name = journal_name(sequence);
  bool is_there = false;
  for (const std::string& copy : {name, twin_name(name)}) {
    try {
      if (hash_object(get_object(repository.reader(), copy, journal_entry_bytes_max)) ==
          state.head) {
        return;
      }
      is_there = true;
    } catch (const Error& error) {
      if (error.code() == Code::interrupted) throw;
      is_there |= error.code() != Code::missing;
    }
  }
  if (!is_there) {
    throw Error(Code::corrupt,
                concat("the journal lacks entry ", sequence,
                       ", which this machine has seen: the repository was rolled back; do not use "
                       "it before you know why"));
  }
  throw Error(Code::corrupt,
              concat(journal_name(sequence),
                     " is not the entry that this machine has seen: the journal was forked or "
                     "replaced; do not use this repository before you know why"));
}

ReplayedEntry judge(Repository& repository, Copy copy) {
  const State& state = repository.state();
  ReplayedEntry out;
  out.hash = copy.hash;
  out.leaf = hash_leaf(copy.bytes);
  if (copy.entry) {
    out.entry = std::move(*copy.entry);
    out.void_reason = validate(state, out.entry).value_or("");
    if (state.next_sequence > 0 && out.entry.previous != state.head) check_head(repository);
    // Who comes later may not be able to open it, and must give the same reason.
    const bool is_foreign = state.next_sequence > 0 && out.entry.epoch != state.epoch;
    if (is_foreign && !out.void_reason.empty()) out.void_reason = epoch_reason;
  } else {
    out.void_reason = copy.reason;
  }
  if (!out.void_reason.empty()) {
    const std::uint64_t sequence = state.next_sequence;
    if (sequence == 0) {
      throw Error(Code::corrupt, concat("the journal's first entry is void: ", out.void_reason));
    }
    out.entry = {.sequence = sequence, .act = UnknownAct{}};
    repository.observer().notice(
        concat("journal entry ", sequence, " is void and changes nothing: ", out.void_reason));
  }
  return out;
}

void check_genesis(const Repository& repository, const ReplayedEntry& replayed) {
  if (replayed.hash != repository.keyring.fingerprint()) {
    throw Error(Code::corrupt,
                "the journal begins with another repository than the one this slot opens");
  }
}

// The record of the last head seen outlives the catalog: what is replayed anew must agree with it.
void check_seen(const std::optional<Head>& seen, std::uint64_t sequence, const ObjectHash& hash) {
  if (seen && seen->sequence == sequence && seen->hash != hash) {
    throw Error(Code::corrupt,
                concat("journal entry ", sequence,
                       " is not the one that this machine has seen: the journal was replaced; do "
                       "not use this repository before you know why"));
  }
}

bool is_there(Repository& repository, std::uint64_t sequence) {
  const std::string name = journal_name(sequence);
  return repository.reader().size(name) || repository.reader().size(twin_name(name));
}

// The number of an entry after the end, if there is one. Who replays all of the journal lists all
// of it; who goes on looks in a few places, the next one and further and further away.
std::uint64_t find_beyond(Repository& repository, std::uint64_t next, bool lists) {
  std::uint64_t beyond = 0;
  if (lists) {
    repository.reader().list("journal", [&](const std::string& file) {
      const auto sequence = parse_journal_name(untwinned(file));
      if (sequence && *sequence > next) beyond = std::max(beyond, *sequence);
    });
    return beyond;
  }
  for (std::uint64_t distance = 1; distance <= hole_max; distance *= 2) {
    if (is_there(repository, next + distance)) return next + distance;
  }
  return 0;
}

// After the last entry there must be none: a hole would be taken for the end, and filled.
void check_end(Repository& repository, const std::optional<Head>& seen, bool lists) {
  const std::uint64_t next = repository.state().next_sequence;
  const std::uint64_t beyond = find_beyond(repository, next, lists);
  if (beyond > 0 && !is_there(repository, next)) {
    throw Error(Code::corrupt, concat("the journal has entry ", beyond, " but lacks entry ", next,
                                      "; restore it from a copy of the repository"));
  }
  if (seen && seen->sequence >= next) {
    throw Error(Code::corrupt,
                concat("the journal ends with entry ", next - 1,
                       ", but this machine has seen entry ", seen->sequence,
                       ": the repository was rolled back; do not use it before you know why"));
  }
}

void check_catalog(Repository& repository, const std::optional<Head>& seen) {
  const State& state = repository.state();
  if (state.next_sequence == 0) return;
  if (state.fingerprint != repository.keyring.fingerprint()) {
    throw Error(Code::corrupt, "the catalog is of another repository; remove the state directory");
  }
  check_seen(seen, state.next_sequence - 1, state.head);
  check_head(repository);
}

// Entry after entry until there are no more: whether what is after the last can be read.
bool replay_entries(Repository& repository, const std::optional<Head>& seen) {
  Catalog& catalog = repository.local->catalog();
  for (;;) {
    NextEntry next = read_entry(repository, catalog.state().next_sequence);
    if (!next.copy) return !next.is_undecodable;
    check_seen(seen, catalog.state().next_sequence, next.copy->hash);
    ReplayedEntry replayed = judge(repository, std::move(*next.copy));
    if (replayed.entry.sequence == 0) check_genesis(repository, replayed);
    catalog.add(replayed);
  }
}

// A head that was put and is not durable yet may be gone after a power cut, and its memory would be
// taken for the proof of a rollback. Where that cannot be made sure of, reading goes on without it.
void remember_head(Repository& repository, const std::optional<Head>& seen) {
  const Head head{repository.state().next_sequence - 1, repository.state().head};
  if (seen && seen->sequence >= head.sequence) return;
  try {
    repository.writer().confirm(journal_name(head.sequence));
  } catch (const Error& error) {
    if (error.code() != Code::failed) throw;
    repository.observer().notice(concat("the last entry seen is not remembered: ", error.text()));
    return;
  }
  repository.local->remember_head(head);
}

}  // namespace

SyncResult sync_journal(Repository& repository) {
  Catalog& catalog = repository.local->catalog();
  catalog.refresh();
  const std::optional<Head> seen = repository.local->last_head();
  check_catalog(repository, seen);
  const bool is_cold = catalog.state().next_sequence == 0;
  SyncResult result;
  std::uint64_t tried_at = 0;
  do {
    tried_at = catalog.state().next_sequence;
    result.has_undecodable_head = !replay_entries(repository, seen);
    if (catalog.state().next_sequence == 0) {
      throw Error(Code::corrupt, "the journal's first entry is missing or damaged");
    }
    catalog.flush();
  } while (!enter_current_epoch(repository, tried_at));
  if (result.has_undecodable_head) {
    repository.observer().notice(concat("journal entry ", catalog.state().next_sequence,
                                        " cannot be read: junk or damage; nothing can be "
                                        "committed until that is resolved"));
  }
  check_end(repository, seen, is_cold);
  remember_head(repository, seen);
  return result;
}

}  // namespace kist
