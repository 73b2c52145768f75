#include "engine/journal/epoch_keys.h"

#include <functional>
#include <set>
#include <vector>

#include "engine/crypto/kdf.h"
#include "engine/crypto/seal.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/keys/sealed_object.h"
#include "engine/rules/validate.h"

namespace kist {

namespace {

constexpr std::string_view lost_box_advice =
    ": this slot opens nothing without it; restore it from a copy of the repository, or use "
    "another slot";

Error lost_box(const Repository& repository, std::uint32_t number, const EpochId& epoch) {
  return {Code::missing,
          concat(epoch_name(number, epoch, repository.keyring.slot()), " is missing")};
}

Key sealing_key(const Key& journal_key) {
  return derive_key(journal_key, 1, "kistjrnl");
}

// What is in an entry's place, by its envelope alone: either copy.
struct Sealed {
  Bytes bytes;
  Envelope envelope;  // views into them
};

std::optional<Sealed> read_sealed(Repository& repository, std::uint64_t sequence) {
  const std::string name = journal_name(sequence);
  for (const std::string& copy : {name, twin_name(name)}) {
    try {
      Sealed out{get_object(repository.reader(), copy, journal_entry_bytes_max), {}};
      out.envelope = decode_envelope_of(out.bytes, copy, ObjectType::journal_entry,
                                        repository.keyring.repository());
      return out;
    } catch (const Error& error) {
      if (!is_damage(error)) throw;
    }
  }
  return std::nullopt;
}

bool opens(const Envelope& envelope, const Key& journal_key) {
  try {
    static_cast<void>(open_envelope(envelope, "a journal entry", journal_key));
    return true;
  } catch (const Error&) {
    return false;
  }
}

// Whether somebody has signed it who may end the current epoch.
bool is_by_who_may_end(const State& state, const Envelope& envelope) {
  const SlotId& author = envelope.header.author;
  return may_end_epoch(state, author) &&
         is_signed_by(envelope, state.slots.at(author).introduction.signing_key);
}

// The entry that began an epoch, as far as the way back needs it.
struct Beginning {
  FormerEpoch former;
  bool is_by_who_may_end = false;
};

std::optional<Beginning> read_beginning(Repository& repository,
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
      const JournalPayload decoded = decode_journal_payload(payload.view(), copy);
      const auto* ended = std::get_if<EpochEnded>(&decoded.act);
      if (ended == nullptr || ended->former.begun >= begun) continue;
      return Beginning{ended->former, is_by_who_may_end(repository.state(), envelope)};
    } catch (const Error& error) {
      if (!is_damage(error)) throw;
    }
  }
  return std::nullopt;
}

enum class Way {
  none,
  found,      // the keys up to that of the entry were learned
  elsewhere,  // the current epoch was followed by another one: the entry did not end it
};

// From an epoch that the slot can open back to that of the wanted entry. Boxes can be forged by
// anybody, so a key counts only if it opens that entry.
Way walk_back(Repository& repository, const OpenedEpoch& from, const Envelope& wanted) {
  const State& state = repository.state();
  std::vector<std::pair<EpochId, Key>> found;
  found.emplace_back(from.epoch, from.journal_key.clone());
  std::uint64_t begun = from.begun;
  bool is_successor_signed = false;
  while (found.back().first != wanted.header.epoch) {
    const auto& [epoch, key] = found.back();
    if (state.next_sequence > 0 && epoch == state.epoch) {
      return is_successor_signed ? Way::elsewhere : Way::none;
    }
    const std::optional<Beginning> beginning = read_beginning(repository, begun, epoch, key);
    if (!beginning) return Way::none;
    is_successor_signed = beginning->is_by_who_may_end;
    begun = beginning->former.begun;
    try {
      Key former_key = open_journal_key(beginning->former.journal_key, key);
      found.emplace_back(beginning->former.epoch, std::move(former_key));
    } catch (const Error&) {
      return Way::none;
    }
  }
  if (!opens(wanted, found.back().second)) return Way::none;
  for (auto& [epoch, key] : found) {
    repository.keyring.learn_journal_key(epoch, std::move(key));
  }
  return Way::found;
}

// The slot's box of that epoch, if there is one that can be the right one.
std::optional<OpenedEpoch> try_open(Repository& repository,
                                    const EnvelopeHeader& header,
                                    std::optional<Error>& damage,
                                    const AcceptEpoch& accepts) {
  const State& state = repository.state();
  const auto slot = state.slots.find(repository.keyring.slot());
  const bool is_named = slot != state.slots.end() && header.epoch == state.epoch;
  try {
    return repository.keyring.open_epoch(
        repository.reader(), header.epoch_number, header.epoch, repository.observer(),
        [&](const OpenedEpoch& opened) {
          return (!is_named || opened.hash == slot->second.epoch_box) && accepts(opened);
        });
  } catch (const Error& error) {
    if (!is_damage(error)) throw;
    damage = error;
    return std::nullopt;
  }
}

// The epoch's own box is the short way to its key. Once a later epoch has begun it is gone; then
// the way leads back from the newest one that the slot can open.
Way learn_key(Repository& repository, const Envelope& wanted) {
  const EnvelopeHeader& header = wanted.header;
  const State& state = repository.state();
  std::optional<Error> damage;
  std::optional<OpenedEpoch> own =
      try_open(repository, header, damage,
               [&](const OpenedEpoch& opened) { return opens(wanted, opened.journal_key); });
  if (own) {
    repository.keyring.learn_journal_key(own->epoch, std::move(own->journal_key));
    return Way::found;
  }
  std::set<std::uint64_t, std::greater<>> sequences;
  repository.reader().list("journal", [&](const std::string& file) {
    const auto sequence = parse_journal_name(untwinned(file));
    if (sequence && *sequence >= state.next_sequence) sequences.insert(*sequence);
  });
  std::set<EpochId> tried;  // that have led nowhere
  bool has_others = false;
  Way way = Way::none;
  for (const std::uint64_t sequence : sequences) {
    check_cancelled(repository.observer());
    const std::optional<Sealed> later = read_sealed(repository, sequence);
    if (!later || tried.contains(later->envelope.header.epoch)) continue;
    has_others |= later->envelope.header.epoch != header.epoch;
    std::optional<Error> ignored;
    const std::optional<OpenedEpoch> opened =
        try_open(repository, later->envelope.header, ignored, [&](const OpenedEpoch& candidate) {
          return opens(later->envelope, candidate.journal_key);
        });
    if (!opened) continue;
    tried.insert(later->envelope.header.epoch);
    const Way found = walk_back(repository, *opened, wanted);
    if (found == Way::found) return found;
    if (found == Way::elsewhere) way = found;
  }
  if (way == Way::elsewhere) return way;
  // Where nothing has ended the epoch, nobody was shut out of it.
  const bool is_next = state.next_sequence > 0 && header.epoch != state.epoch;
  const bool has_ended = is_next || has_others;
  if (!damage && !has_ended) damage = lost_box(repository, header.epoch_number, header.epoch);
  if (damage) throw Error(damage->code(), concat(damage->text(), lost_box_advice));
  return Way::none;
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
  const bool is_next = begins_next_epoch(state, header.epoch_number, header.epoch) &&
                       is_by_who_may_end(state, envelope);
  if (!is_current && !is_next) return nullptr;
  if (const Key* key = repository.keyring.find_journal_key(header.epoch)) return key;
  switch (learn_key(repository, envelope)) {
    case Way::found:
      return repository.keyring.find_journal_key(header.epoch);
    case Way::elsewhere:
      return nullptr;
    case Way::none:
      break;
  }
  refuse_epoch(state.next_sequence);
}

void refuse_epoch(std::uint64_t sequence) {
  throw Error(Code::refused,
              concat("this slot has no key to the epoch that journal entry ", sequence,
                     " is of: the slot was revoked, or its epoch box is lost; ask an owner for "
                     "another slot"));
}

bool enter_current_epoch(Repository& repository, std::uint64_t tried_at) {
  const State& state = repository.state();
  const auto slot = state.slots.find(repository.keyring.slot());
  if (slot == state.slots.end()) return true;  // what a key add that was cut off has left
  if (slot->second.is_revoked) {
    throw Error(Code::refused, "this slot was revoked; ask an owner for another one");
  }
  if (repository.keyring.origin().epoch != state.epoch) {
    std::optional<OpenedEpoch> opened = repository.keyring.open_epoch(
        repository.reader(), state.epoch_number, state.epoch, repository.observer(),
        [&](const OpenedEpoch& found) { return is_confirmed(state, slot->second, found); });
    if (!opened) {
      if (state.next_sequence != tried_at) return false;
      const Error lost = lost_box(repository, state.epoch_number, state.epoch);
      throw Error(lost.code(), concat(lost.text(), lost_box_advice));
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
