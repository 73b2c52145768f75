#include "engine/repository/epochs.h"

#include <algorithm>
#include <functional>
#include <set>
#include <vector>

#include "engine/crypto/kdf.h"
#include "engine/crypto/seal.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/repository/sealed_object.h"
#include "engine/rules/validate.h"

namespace kist {

namespace {

constexpr std::string_view lost_box_advice =
    ": this slot opens nothing without it; restore it from a copy of the repository, or use "
    "another "
    "slot";

Key sealing_key(const Key& journal_key) {
  return derive_key(journal_key, 1, "kistjrnl");
}

// What is in an entry's place, by its envelope alone: either copy.
std::optional<EnvelopeHeader> read_header(Repository& repository, std::uint64_t sequence) {
  const std::string name = journal_name(sequence);
  for (const std::string& copy : {name, twin_name(name)}) {
    try {
      const Bytes bytes = get_object(repository.reader(), copy, journal_entry_bytes_max);
      return decode_envelope_of(bytes, copy, ObjectType::journal_entry,
                                repository.keyring.repository())
          .header;
    } catch (const Error& error) {
      if (error.code() != Code::corrupt && error.code() != Code::missing) throw;
    }
  }
  return std::nullopt;
}

// What the entry that began an epoch holds; nothing when the key does not open it.
std::optional<Act> read_beginning(Repository& repository,
                                  std::uint64_t begun,
                                  const EpochId& epoch,
                                  const Key& journal_key) {
  const std::string name = journal_name(begun);
  for (const std::string& copy : {name, twin_name(name)}) {
    try {
      const Bytes bytes = get_object(repository.reader(), copy, journal_entry_bytes_max);
      const Envelope envelope = decode_envelope_of(bytes, copy, ObjectType::journal_entry,
                                                   repository.keyring.repository());
      if (envelope.header.epoch != epoch) continue;
      const SecretBytes payload = open_envelope(envelope, copy, journal_key);
      return decode_journal_payload(payload.view(), copy).act;
    } catch (const Error& error) {
      if (error.code() != Code::corrupt && error.code() != Code::missing) throw;
    }
  }
  return std::nullopt;
}

// From an epoch that the slot can open back to the one that is asked for: the keys on the way are
// learned if the way leads there, and only then.
bool walk_back(Repository& repository, const OpenedEpoch& from, const EpochId& target) {
  std::vector<std::pair<EpochId, Key>> found;
  found.emplace_back(from.epoch, from.journal_key.clone());
  std::uint64_t begun = from.begun;
  for (std::uint32_t number = from.number;; --number) {
    const auto& [epoch, key] = found.back();
    const std::optional<Act> beginning = read_beginning(repository, begun, epoch, key);
    if (!beginning) return false;
    if (epoch == target) break;
    const auto* ended = std::get_if<EpochEnded>(&*beginning);
    if (ended == nullptr || number == 0) return false;
    begun = ended->former.begun;
    Key former_key = open_journal_key(ended->former.journal_key, key);
    found.emplace_back(ended->former.epoch, std::move(former_key));
  }
  for (auto& [epoch, key] : found) {
    repository.keyring.learn_journal_key(epoch, std::move(key));
  }
  return true;
}

// The slot's box of that epoch, if there is one that can be the right one.
std::optional<OpenedEpoch> try_open(Repository& repository,
                                    const EnvelopeHeader& header,
                                    std::optional<Error>& damage) {
  const State& state = repository.state();
  const auto slot = state.slots.find(repository.keyring.slot());
  const bool is_named = slot != state.slots.end() && header.epoch == state.epoch;
  try {
    return repository.keyring.open_epoch(repository.reader(), header.epoch_number, header.epoch,
                                         repository.observer(),
                                         is_named ? &slot->second.epoch_box : nullptr);
  } catch (const Error& error) {
    if (error.code() != Code::corrupt && error.code() != Code::missing) throw;
    damage = error;
    return std::nullopt;
  }
}

// The epoch's own box is the short way to its key. Once a later epoch has begun it is gone; then
// the way leads back from the newest one that the slot can open.
bool learn_key(Repository& repository, const EnvelopeHeader& header) {
  std::optional<Error> damage;
  if (std::optional<OpenedEpoch> own = try_open(repository, header, damage)) {
    repository.keyring.learn_journal_key(own->epoch, std::move(own->journal_key));
    return true;
  }
  std::set<std::uint64_t, std::greater<>> sequences;
  repository.reader().list("journal", [&](const std::string& file) {
    const auto sequence = parse_journal_name(untwinned(file));
    if (sequence && *sequence >= repository.state().next_sequence) sequences.insert(*sequence);
  });
  std::set<EpochId> tried;
  for (const std::uint64_t sequence : sequences) {
    check_cancelled(repository.observer());
    const std::optional<EnvelopeHeader> later = read_header(repository, sequence);
    if (!later || !tried.insert(later->epoch).second) continue;
    std::optional<Error> ignored;
    const std::optional<OpenedEpoch> opened = try_open(repository, *later, ignored);
    if (opened && walk_back(repository, *opened, header.epoch)) return true;
  }
  // Where nothing has ended the epoch, nobody was shut out of it.
  const bool is_next =
      repository.state().next_sequence > 0 && header.epoch != repository.state().epoch;
  const bool has_ended = is_next || std::ranges::any_of(tried, [&](const EpochId& epoch) {
                           return epoch != header.epoch;
                         });
  if (!damage && !has_ended) {
    damage = Error(Code::missing,
                   concat(epoch_name(header.epoch_number, header.epoch, repository.keyring.slot()),
                          " is missing"));
  }
  if (damage) {
    throw Error(damage->code(), concat(damage->text(), lost_box_advice));
  }
  return false;
}

// Whether the envelope is of an entry that ends the current epoch, by somebody who may.
bool may_end_epoch(const State& state, const Envelope& envelope) {
  if (!begins_next_epoch(state, envelope.header.epoch_number, envelope.header.epoch)) return false;
  const auto author = state.slots.find(envelope.header.author);
  return author != state.slots.end() && !author->second.is_revoked &&
         (author->second.introduction.capabilities & (can_maintain | can_own)) != 0 &&
         is_signed_by(envelope, author->second.introduction.signing_key);
}

// Whether the box is the one that the journal names, with the keys that it names, and no more of
// them than the slot may have.
bool is_confirmed(const State& state, const SlotState& slot, const OpenedEpoch& opened) {
  const bool may_read = (slot.introduction.capabilities & can_read) != 0;
  return opened.hash == slot.epoch_box && opened.begun == state.epoch_begun &&
         (may_read ? box_public_key(opened.epoch_secret) == state.epoch_key
                   : opened.epoch_secret.is_zero());
}

}  // namespace

const Key* get_journal_key(Repository& repository, const Envelope& envelope) {
  const State& state = repository.state();
  const EnvelopeHeader& header = envelope.header;
  const bool is_current = state.next_sequence == 0 || header.epoch == state.epoch;
  if (!is_current && !may_end_epoch(state, envelope)) return nullptr;
  const Key* key = repository.keyring.find_journal_key(header.epoch);
  if (key == nullptr && learn_key(repository, header)) {
    key = repository.keyring.find_journal_key(header.epoch);
  }
  if (key == nullptr) refuse_epoch(state.next_sequence);
  return key;
}

void refuse_epoch(std::uint64_t sequence) {
  throw Error(Code::refused,
              concat("this slot has no key to the epoch that journal entry ", sequence,
                     " is of: the slot was revoked, or its epoch box is lost; ask an owner for "
                     "another slot"));
}

bool enter_current_epoch(Repository& repository) {
  const State& state = repository.state();
  const auto slot = state.slots.find(repository.keyring.slot());
  if (slot == state.slots.end()) return true;  // what a key add that was cut off has left
  if (slot->second.is_revoked) {
    throw Error(Code::refused, "this slot was revoked; ask an owner for another one");
  }
  if (repository.keyring.origin().epoch != state.epoch) {
    std::optional<OpenedEpoch> opened =
        repository.keyring.open_epoch(repository.reader(), state.epoch_number, state.epoch,
                                      repository.observer(), &slot->second.epoch_box);
    if (!opened && repository.reader().size(journal_name(state.next_sequence))) return false;
    if (!opened) {
      throw Error(Code::missing,
                  concat(epoch_name(state.epoch_number, state.epoch, repository.keyring.slot()),
                         " is missing", lost_box_advice));
    }
    if (!is_confirmed(state, slot->second, *opened)) {
      throw Error(Code::corrupt, "the slot's keys are not those that the journal names");
    }
    repository.keyring.enter(std::move(*opened));
  }
  repository.keyring.forget_journal_keys();
  repository.local->enter_epoch(state.epoch, repository.around.random);
  return true;
}

SealedJournalKey seal_journal_key(const Key& former, const Key& journal_key) {
  SealedJournalKey out{};
  static_assert(out.size() == Key::size + seal_overhead);
  seal(sealing_key(journal_key), Nonce(), {}, former.view(), out);
  return out;
}

Key open_journal_key(const SealedJournalKey& sealed, const Key& journal_key) {
  Key out;
  if (!open(sealing_key(journal_key), Nonce(), {}, sealed, out.mutable_view())) {
    throw Error(Code::corrupt, "the journal key of a former epoch is not authentic");
  }
  return out;
}

}  // namespace kist
