#include "engine/journal/replay.h"

#include "engine/crypto/hash.h"
#include "engine/crypto/merkle.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/journal/entry_copies.h"
#include "engine/journal/epoch_keys.h"
#include "engine/rules/validate.h"

namespace kist {

namespace {

constexpr std::uint64_t hole_max = 1024;

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

ReplayedEntry judge(Repository& repository, EntryCopy copy) {
  const State& state = repository.state();
  ReplayedEntry out;
  out.hash = copy.hash;
  out.leaf = hash_leaf(copy.bytes);
  if (copy.entry) {
    out.entry = std::move(*copy.entry);
    out.void_reason = validate(state, out.entry).value_or(Violation{}).reason;
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
  AcceptedEntries accepted;
  for (;;) {
    NextEntry next = read_entry(repository, catalog.state().next_sequence, accepted);
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
