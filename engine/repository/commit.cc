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
  const std::int64_t last = repository.state().last_ms;
  if (last > now + clock_ahead_max_ms) {
    throw Error(Code::refused,
                "the journal's last entry is more than an hour ahead of this machine's clock; set "
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

}  // namespace

Bytes seal_entry(const Keyring& keyring, Random& random, const JournalEntry& entry) {
  return seal_object({.type = ObjectType::journal_entry,
                      .origin = keyring.origin(),
                      .clear = encode_journal_clear({entry.sequence, entry.previous})},
                     keyring.secrets().journal_key, keyring.secrets().signing_seed, random,
                     encode_journal_payload(entry.time_ms, entry.act));
}

JournalEntry commit(Repository& repository, const std::function<Act(const State&)>& make) {
  for (int attempt = 0; attempt < tries_max; ++attempt) {
    sync_journal(repository);
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
    const Bytes bytes = seal_entry(repository.keyring, repository.around.random, entry);
    const std::string name = journal_name(entry.sequence);
    if (!put_entry(repository, name, bytes)) continue;
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
