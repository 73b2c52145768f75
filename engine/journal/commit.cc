#include "engine/journal/commit.h"

#include "engine/crypto/hash.h"
#include "engine/format/encodable.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/journal/replay.h"
#include "engine/rules/validate.h"

namespace kist {

namespace {

constexpr int tries_max = 64;
constexpr std::int64_t clock_ahead_max_ms = 3'600'000;
constexpr std::int64_t day_ms = 86'400'000;

std::int64_t stamp(const Repository& repository) {
  const std::int64_t now = repository.around.clock.now_ms();
  const std::int64_t last = repository.state().least_time_ms(repository.keyring.slot());
  if (last > now + clock_ahead_max_ms) {
    throw Error(Code::refused,
                "the journal is more than an hour ahead of this machine's clock; set "
                "the clock right and run again");
  }
  return std::max(now, last);
}

// True when our entry stands under its number. An answer that was lost is settled by reading back;
// so is a no, which may be about our own entry: a network file system that has lost an answer asks
// again by itself.
bool put_entry(Repository& repository, const std::string& name, const Bytes& bytes) {
  try {
    if (repository.writer().put_if_absent(name, bytes)) return true;
  } catch (const Error&) {
    if (!repository.reader().size(name)) throw;
  }
  return get_object(repository.reader(), name, journal_entry_bytes_max) == bytes;
}

// A client that was cut off between an entry and its twin left one copy only.
void complete_twin(Repository& repository) {
  const std::string name = journal_name(repository.state().next_sequence - 1);
  if (repository.reader().size(twin_name(name))) return;
  const Bytes bytes = get_object(repository.reader(), name, journal_entry_bytes_max);
  if (hash_object(bytes) == repository.state().head) {
    repository.writer().put(twin_name(name), bytes);
  }
}

}  // namespace

Bytes seal_entry(const Keyring& keyring,
                 const Key& journal_key,
                 Random& random,
                 const JournalEntry& entry) {
  const ObjectOrigin origin{.repository = keyring.repository(),
                            .epoch_number = entry.epoch_number,
                            .epoch = entry.epoch,
                            .author = entry.author};
  return seal_object({.type = ObjectType::journal_entry,
                      .origin = origin,
                      .clear = encode_journal_clear({entry.sequence, entry.previous})},
                     journal_key, keyring.signing_seed(), random,
                     encode_journal_payload(entry.time_ms, entry.act));
}

Bytes seal_entry(const Keyring& keyring, Random& random, const JournalEntry& entry) {
  return seal_entry(keyring, keyring.journal_key(), random, entry);
}

JournalEntry next_entry(const Repository& repository, Act act) {
  const State& state = repository.state();
  const ObjectOrigin& origin = repository.keyring.origin();
  return {.sequence = state.next_sequence,
          .previous = state.head,
          .author = origin.author,
          .epoch_number = origin.epoch_number,
          .epoch = origin.epoch,
          .time_ms = stamp(repository),
          .act = std::move(act)};
}

namespace {

// What is there is put once more, if absent: nothing changes, whatever the store does.
void require_exclusive_put(Repository& repository) {
  if (repository.has_exclusive_put) return;
  const Bytes bytes = get_object(repository.reader(), repository_file, small_object_bytes_max);
  if (repository.writer().put_if_absent(repository_file, bytes)) {
    throw Error(Code::unsupported,
                "the store lets one object take the place of another where it must not "
                "(put-if-absent does not hold): two clients could overwrite each other's entries; "
                "keep the repository on another store");
  }
  repository.has_exclusive_put = true;
}

void require_known_head(const Repository& repository) {
  if (repository.knows_head) return;
  const std::int64_t age = repository.around.clock.now_ms() - repository.state().last_ms;
  throw Error(Code::refused,
              concat("this machine has not seen the journal before, and its last entry, ",
                     repository.state().next_sequence - 1, ", is ", age / day_ms,
                     " days old: it may be an old copy. Compare with another machine (kist journal "
                     "list) and give --head ENTRY, or --yes to go on all the same"));
}

}  // namespace

void require_writable(Repository& repository) {
  require_known_head(repository);
  require_exclusive_put(repository);
}

bool commit_at_head(Repository& repository, const JournalEntry& entry, const Key& journal_key) {
  return commit_after(repository, repository.state(), entry, journal_key);
}

bool commit_after(Repository& repository,
                  const State& state,
                  const JournalEntry& entry,
                  const Key& journal_key) {
  require_writable(repository);
  if (const auto reason = validate(state, entry)) {
    throw Error(Code::refused, concat("not committed: it would be ", *reason));
  }
  check_encodable(entry);
  complete_twin(repository);
  const Bytes bytes = seal_entry(repository.keyring, journal_key, repository.around.random, entry);
  const std::string name = journal_name(entry.sequence);
  if (!put_entry(repository, name, bytes)) return false;
  // A barrier that fails here is not settled by reading back: what is readable may not be durable.
  repository.writer().barrier();
  repository.writer().put(twin_name(name), bytes);
  repository.writer().barrier();
  return true;
}

void replay(Repository& repository) {
  if (!sync_journal(repository).has_undecodable_head) return;
  throw Error(
      Code::corrupt,
      "the journal's head cannot be read, so nothing can be committed after it; restore "
      "that entry from a copy of the repository, or, if it is junk, see kist incident close "
      "--accept-void");
}

namespace {

// Whether this client has said, if it must, that it keeps nothing of former epochs.
bool is_remaking_told(const Repository& repository) {
  const State& state = repository.state();
  if (state.epoch_number == 0) return true;
  const auto told = state.clients.find({repository.keyring.slot(), repository.local->client()});
  return told != state.clients.end() && told->second == state.epoch_number;
}

// Replays, then commits what `make` makes of it, or says first that the local state was remade.
std::optional<JournalEntry> commit_once(Repository& repository,
                                        const std::function<Act(const State&)>& make) {
  replay(repository);
  const bool is_told = is_remaking_told(repository);
  Act act = is_told ? make(repository.state()) : Act(StateRemade{repository.local->client()});
  // Making it may have replayed more, into another epoch.
  if (is_told && !is_remaking_told(repository)) return std::nullopt;
  const JournalEntry entry = next_entry(repository, std::move(act));
  if (!commit_at_head(repository, entry, repository.keyring.journal_key())) return std::nullopt;
  sync_journal(repository);
  return is_told ? std::optional(entry) : std::nullopt;
}

}  // namespace

JournalEntry commit(Repository& repository, const std::function<Act(const State&)>& make) {
  for (int attempt = 0; attempt < tries_max; ++attempt) {
    if (std::optional<JournalEntry> entry = commit_once(repository, make)) return *entry;
  }
  throw Error(Code::conflict,
              concat("others committed first ", tries_max,
                     " times in a row; run again when the repository is less busy"));
}

void tell_state_remade(Repository& repository) {
  for (int attempt = 0; attempt < tries_max; ++attempt) {
    replay(repository);
    if (is_remaking_told(repository)) return;
    const JournalEntry entry = next_entry(repository, StateRemade{repository.local->client()});
    static_cast<void>(commit_at_head(repository, entry, repository.keyring.journal_key()));
  }
}

}  // namespace kist
