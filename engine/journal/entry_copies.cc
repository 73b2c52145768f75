#include "engine/journal/entry_copies.h"

#include <algorithm>

#include "engine/crypto/hash.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/journal/epoch_keys.h"
#include "engine/keys/sealed_object.h"
#include "engine/rules/validate.h"

namespace kist {

namespace {

// Genesis introduces its author.
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
                EntryCopy& copy) {
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
  copy.author = envelope->header.author;
  copy.is_signed = state.next_sequence == 0 ? copy.hash == repository.keyring.fingerprint()
                                            : is_signed_by_author(state, *envelope);
  if (!copy.is_signed) {
    const bool is_known = state.next_sequence == 0 || state.slots.contains(copy.author);
    copy.reason = is_known ? "it is not authentic" : "an author that is no slot";
    copy.damage = is_known ? "its author's signature is not good" : copy.reason;
    return;
  }
  const JournalClear clear = decode_journal_clear(envelope->clear, name);
  copy.is_of_number = clear.sequence == sequence;
  copy.fits = copy.is_of_number && clear.previous == state.head;
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
std::optional<EntryCopy> read_copy(Repository& repository,
                                   const std::string& name,
                                   std::uint64_t sequence) {
  EntryCopy copy;
  try {
    copy.bytes = get_object(repository.reader(), name, journal_entry_bytes_max);
  } catch (const Error& error) {
    if (error.code() == Code::missing) return std::nullopt;
    if (error.code() == Code::interrupted) throw;
    return copy;
  }
  copy.is_read = true;
  copy.hash = hash_object(copy.bytes);
  judge_copy(repository, name, sequence, copy);
  return copy;
}

// The envelope of an entry as it lies in the store, and whether it says that it is that one.
std::optional<Envelope> read_envelope(Repository& repository,
                                      const std::string& copy,
                                      std::uint64_t sequence,
                                      Bytes& bytes) {
  try {
    bytes = get_object(repository.reader(), copy, journal_entry_bytes_max);
    Envelope out =
        decode_envelope_of(bytes, copy, ObjectType::journal_entry, repository.keyring.repository());
    if (decode_journal_clear(out.clear, copy).sequence == sequence) return out;
  } catch (const Error& error) {
    if (error.code() == Code::interrupted) throw;
  }
  return std::nullopt;
}

// Whether what stands after an entry can say which copy of it is the one. What a known slot has not
// signed says nothing; nor does who has signed a copy for that number speak against it.
bool may_speak(const State& state, const Envelope& next, const std::vector<EntryCopy>& copies) {
  if (!is_signed_by_author(state, next)) return false;
  return std::ranges::none_of(copies, [&](const EntryCopy& copy) {
    return copy.is_of_number && copy.author == next.header.author;
  });
}

// What entry `sequence` + 1 says of the one before it: empty when there is no such entry, or it may
// not say anything.
std::optional<ObjectHash> named_by_next(Repository& repository,
                                        std::uint64_t sequence,
                                        const std::vector<EntryCopy>& copies) {
  const std::string name = journal_name(sequence + 1);
  for (const std::string& copy : {name, twin_name(name)}) {
    Bytes bytes;
    const auto envelope = read_envelope(repository, copy, sequence + 1, bytes);
    if (!envelope || !may_speak(repository.state(), *envelope, copies)) continue;
    return decode_journal_clear(envelope->clear, copy).previous;
  }
  return std::nullopt;
}

// The entry of that number, if an owner has closed incidents with it.
std::optional<IncidentsClosed> read_closing(Repository& repository,
                                            const std::string& copy,
                                            std::uint64_t sequence) {
  const State& state = repository.state();
  Bytes bytes;
  const auto envelope = read_envelope(repository, copy, sequence, bytes);
  const Key* key = repository.keyring.find_journal_key(state.epoch);
  if (!envelope || key == nullptr || envelope->header.epoch != state.epoch) return std::nullopt;
  const auto author = state.slots.find(envelope->header.author);
  const bool is_owner = author != state.slots.end() && !author->second.is_revoked &&
                        (author->second.introduction.capabilities & can_own) != 0;
  if (!is_owner || !is_signed_by_author(state, *envelope)) return std::nullopt;
  try {
    const JournalEntry entry = decode_entry(repository, *envelope, copy, *key);
    const auto* closed = std::get_if<IncidentsClosed>(&entry.act);
    return closed == nullptr ? std::nullopt : std::optional(*closed);
  } catch (const Error& error) {
    if (!is_damage(error)) throw;
    return std::nullopt;
  }
}

// What an owner has said, in one of the entries that follow, of the bytes of this one.
void find_accepted(Repository& repository, std::uint64_t sequence, AcceptedEntries& accepted) {
  for (std::uint64_t ahead = 1; ahead <= accepted_entries_max; ++ahead) {
    const std::string name = journal_name(sequence + ahead);
    bool is_there = false;
    for (const std::string& copy : {name, twin_name(name)}) {
      is_there |= repository.reader().size(copy).has_value();
      const auto closed = read_closing(repository, copy, sequence + ahead);
      if (!closed || closed->accepted.size() < ahead) continue;
      for (std::uint64_t back = 1; back <= ahead; ++back) {
        accepted.insert_or_assign(sequence + ahead - back,
                                  closed->accepted[closed->accepted.size() - back]);
      }
      return;
    }
    if (!is_there) return;
  }
}

// Both copies of an entry, the same bytes once.
std::vector<EntryCopy> read_copies(Repository& repository, std::uint64_t sequence) {
  const std::string name = journal_name(sequence);
  std::vector<EntryCopy> out;
  for (const std::string& candidate : {name, twin_name(name)}) {
    std::optional<EntryCopy> copy = read_copy(repository, candidate, sequence);
    if (copy && (out.empty() || out.front().hash != copy->hash)) out.push_back(std::move(*copy));
  }
  return out;
}

bool holds(const State& state, const EntryCopy& copy) {
  return copy.entry && !validate(state, *copy.entry);
}

EntryCopy* find_copy(std::vector<EntryCopy>& copies, const ObjectHash& hash) {
  const auto found = std::ranges::find(copies, hash, &EntryCopy::hash);
  return found == copies.end() ? nullptr : &*found;
}

// The first copy that fits, or that its author has signed at least: the one that has won the number
// before its twin.
EntryCopy* find_signed(std::vector<EntryCopy>& copies) {
  for (const auto is_it : {&EntryCopy::fits, &EntryCopy::is_of_number, &EntryCopy::is_signed}) {
    const auto found = std::ranges::find(copies, true, is_it);
    if (found != copies.end()) return &*found;
  }
  return nullptr;
}

// Chooses among copies of which the first cannot be taken as it is. Later history or this machine's
// memory decides; without either, an authentic copy does. Nothing: it is the head, and it cannot be
// told whether it is junk that won its number or damage; unless an owner has.
EntryCopy* choose_copy(Repository& repository,
                       std::uint64_t sequence,
                       std::vector<EntryCopy>& copies,
                       AcceptedEntries& accepted) {
  const std::optional<Head> seen = repository.local->last_head();
  std::optional<ObjectHash> named = named_by_next(repository, sequence, copies);
  if (!named && seen && seen->sequence == sequence) named = seen->hash;
  if (!named) {
    if (EntryCopy* copy = find_signed(copies)) return copy;
    if (!accepted.contains(sequence)) find_accepted(repository, sequence, accepted);
    const auto found = accepted.find(sequence);
    return found == accepted.end() ? nullptr : find_copy(copies, found->second);
  }
  if (EntryCopy* copy = find_copy(copies, *named)) return copy;
  throw Error(Code::corrupt, concat(journal_name(sequence), " is damaged: ",
                                    copies.front().entry ? "another entry stands in its place"
                                                         : copies.front().damage,
                                    "; restore it from a copy of the repository"));
}

// Where the first copy is missing, another client may be about to win the number, and whoever takes
// the second would be alone with it: so it is put in the first one's place before it is taken. What
// stands there then is the one. Nothing where this machine can neither tell nor write.
std::optional<EntryCopy> settle(Repository& repository, std::uint64_t sequence, EntryCopy second) {
  const std::string name = journal_name(sequence);
  const std::optional<Head> seen = repository.local->last_head();
  const bool is_seen = seen && seen->sequence == sequence && seen->hash == second.hash;
  if (is_seen || sequence == 0) return second;  // of the first entry every slot knows the hash
  try {
    if (repository.writer().put_if_absent(name, second.bytes)) repository.settled.push_back(name);
    repository.writer().barrier();
  } catch (const Error& error) {
    if (error.code() == Code::interrupted) throw;
    if (!repository.reader().size(name)) {
      const bool is_named = named_by_next(repository, sequence, {}) == second.hash;
      return is_named ? std::optional(std::move(second)) : std::nullopt;
    }
  }
  return read_copy(repository, name, sequence);
}

}  // namespace

bool is_signed_by_author(const State& state, const Envelope& envelope) {
  const auto author = state.slots.find(envelope.header.author);
  return author != state.slots.end() &&
         is_signed_by(envelope, author->second.introduction.signing_key);
}

NextEntry read_entry(Repository& repository, std::uint64_t sequence, AcceptedEntries& accepted) {
  const std::string name = journal_name(sequence);
  // Almost always the first copy is good, and nothing else is read.
  std::optional<EntryCopy> first = read_copy(repository, name, sequence);
  if (first && holds(repository.state(), *first)) return {.copy = std::move(first)};
  std::vector<EntryCopy> copies = read_copies(repository, sequence);
  if (copies.empty()) return {};
  // What cannot be read may be good: nothing is concluded from it.
  std::erase_if(copies, [](const EntryCopy& copy) { return !copy.is_read; });
  EntryCopy* chosen =
      copies.empty() ? nullptr : choose_copy(repository, sequence, copies, accepted);
  if (chosen == nullptr) return {.copy = std::nullopt, .is_undecodable = true};
  if (!first) {
    const ObjectHash hash = chosen->hash;
    std::optional<EntryCopy> settled = settle(repository, sequence, std::move(*chosen));
    if (!settled) return {.copy = std::nullopt, .is_undecodable = true};
    if (settled->hash != hash) return read_entry(repository, sequence, accepted);
    *chosen = std::move(*settled);
  }
  if (!first || first->hash != chosen->hash) {
    repository.observer().notice(concat(name, " is ", first ? "damaged" : "missing",
                                        "; its second copy is good and was used"));
  }
  return {.copy = std::move(*chosen)};
}

}  // namespace kist
