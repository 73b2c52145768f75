#include "engine/repository/commit.h"

#include "engine/crypto/hash.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/repository/sync.h"
#include "engine/rules/validate.h"

namespace kist {

namespace {

constexpr int tries_max = 64;
constexpr std::int64_t clock_ahead_max_ms = 3'600'000;

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

// True when our entry stands under its number. An answer that was lost is settled by reading back.
bool put_entry(Repository& repository, const std::string& name, const Bytes& bytes) {
  try {
    return repository.writer().put_if_absent(name, bytes);
  } catch (const Error&) {
    if (!repository.reader().size(name)) throw;
    return get_object(repository.reader(), name, journal_entry_bytes_max) == bytes;
  }
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

void check_encodable(const JournalEntry& entry) {
  const Bytes payload = encode_journal_payload(entry.time_ms, entry.act);
  try {
    const JournalPayload again = decode_journal_payload(payload, "a journal entry");
    if (again.act == entry.act && payload.size() < journal_entry_bytes_max / 2) return;
  } catch (const Error& error) {
    throw Error(Code::invalid, concat("nothing was written: ", error.text()));
  }
  throw Error(Code::invalid, "nothing was written: the journal entry would be too large");
}

Bytes seal_entry(const Keyring& keyring, Random& random, const JournalEntry& entry) {
  return seal_object({.type = ObjectType::journal_entry,
                      .origin = keyring.origin(),
                      .clear = encode_journal_clear({entry.sequence, entry.previous})},
                     keyring.journal_key(), keyring.signing_seed(), random,
                     encode_journal_payload(entry.time_ms, entry.act));
}

JournalEntry commit(Repository& repository, const std::function<Act(const State&)>& make) {
  for (int attempt = 0; attempt < tries_max; ++attempt) {
    if (sync_journal(repository).has_undecodable_head) {
      throw Error(
          Code::corrupt,
          "the journal's head cannot be read, so nothing can be committed after it; restore "
          "that entry from a copy of the repository");
    }
    const State& state = repository.state();
    const ObjectOrigin& origin = repository.keyring.origin();
    JournalEntry entry{.sequence = state.next_sequence,
                       .previous = state.head,
                       .author = origin.author,
                       .epoch_number = origin.epoch_number,
                       .epoch = origin.epoch,
                       .time_ms = stamp(repository),
                       .act = make(state)};
    if (const auto reason = validate(state, entry)) {
      throw Error(Code::refused, concat("not committed: it would be ", *reason));
    }
    check_encodable(entry);
    complete_twin(repository);
    const Bytes bytes = seal_entry(repository.keyring, repository.around.random, entry);
    const std::string name = journal_name(entry.sequence);
    if (!put_entry(repository, name, bytes)) continue;
    // A barrier that fails here is not settled by reading back: what is readable may not be
    // durable.
    repository.writer().barrier();
    repository.writer().put(twin_name(name), bytes);
    repository.writer().barrier();
    sync_journal(repository);
    return entry;
  }
  throw Error(Code::conflict,
              concat("others committed first ", tries_max,
                     " times in a row; run again when the repository is less busy"));
}

}  // namespace kist
