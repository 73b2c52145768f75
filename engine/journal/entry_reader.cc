#include "engine/journal/entry_reader.h"

#include <algorithm>

#include "engine/base/attempt.h"
#include "engine/crypto/hash.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/journal/sealed_entry.h"
#include "engine/keys/sealed_object.h"
#include "engine/rules/validate.h"
#include "engine/store/twins.h"

namespace kist {

namespace {

constexpr std::string_view not_authentic = "it is not authentic";

// Genesis introduces its author, so its signature is checked against its own words.
bool is_signed_by_owner(const Envelope& envelope, const JournalEntry& entry) {
  const auto* genesis = std::get_if<Genesis>(&entry.act);
  return genesis != nullptr && is_signed_by(envelope, genesis->owner.signing_key);
}

// Whether the envelope of entry n+1 may testify which copy of entry n is genuine: step 3 in the
// header.
bool may_testify(const State& state, const Envelope& next, const std::vector<EntryCopy>& copies) {
  if (!is_signed_by_author(state, next)) return false;
  return std::ranges::none_of(copies, [&](const EntryCopy& copy) {
    return copy.is_of_number && copy.author == next.header.author;
  });
}

bool is_owner(const State& state, const SlotId& slot) {
  const auto found = state.slots.find(slot);
  return found != state.slots.end() && !found->second.is_revoked &&
         (found->second.introduction.capabilities & can_own) != 0;
}

bool is_valid(const State& state, const EntryCopy& copy) {
  return copy.entry && !validate(state, *copy.entry);
}

EntryCopy* find_hash(std::vector<EntryCopy>& copies, const ObjectHash& hash) {
  const auto found = std::ranges::find(copies, hash, &EntryCopy::hash);
  return found == copies.end() ? nullptr : &*found;
}

// The copy that has won the number when nothing names one: step 4 in the header.
EntryCopy* find_signed(std::vector<EntryCopy>& copies) {
  for (const auto is_it : {&EntryCopy::fits, &EntryCopy::is_of_number, &EntryCopy::is_signed}) {
    const auto found = std::ranges::find(copies, true, is_it);
    if (found != copies.end()) return &*found;
  }
  return nullptr;
}

// Fails as damage does, with the copy's reason and details noted.
void note_not_authentic(EntryCopy& copy, const Error& error) {
  copy.reason = not_authentic;
  copy.damage = error.text();
}

}  // namespace

// What the bytes of a copy are is noted in the copy, never thrown. An Error that leaves is about
// this slot's keys, or about the store.
void EntryReader::inspect(const State& state, const std::string& path, EntryCopy& copy) {
  Envelope envelope;
  const auto damage =
      damage_of([&] { envelope = decode_entry_envelope(copy.bytes, path, keyring_.repository()); });
  if (damage) return note_not_authentic(copy, *damage);
  const bool is_first = state.next_sequence == 0;
  copy.author = envelope.header.author;
  copy.is_signed = is_first ? copy.hash == keyring_.fingerprint()  // every slot knows genesis' hash
                            : is_signed_by_author(state, envelope);
  if (!copy.is_signed) {
    const bool is_known = is_first || state.slots.contains(copy.author);
    copy.reason = is_known ? not_authentic : "an author that is no slot";
    copy.damage = is_known ? "its author's signature is not good" : copy.reason;
    return;
  }
  const JournalClear clear = decode_journal_clear(envelope.clear, path);
  copy.is_of_number = clear.sequence == state.next_sequence;
  copy.fits = copy.is_of_number && clear.previous == state.head;
  const Key* key = keys_.find(state, envelope);
  if (key == nullptr) {
    copy.reason = epoch_reason;
    copy.damage = copy.reason;
    return;
  }
  // The signature of an entry that begins an epoch is good. If our key does not open it, our key is
  // wrong: calling the entry void would make this client differ from all that can open it.
  const bool begins_epoch = !is_first && envelope.header.epoch != state.epoch;
  if (begins_epoch && !opens_entry(envelope, *key)) refuse_epoch(state.next_sequence);
  const auto failure = damage_of([&] {
    JournalEntry entry = open_entry(envelope, path, *key);
    if (is_first && !is_signed_by_owner(envelope, entry)) {
      throw Error(Code::corrupt, "a signature that is not its author's");
    }
    if (entry.sequence != state.next_sequence) {
      throw Error(Code::corrupt, concat("it is entry ", entry.sequence));
    }
    copy.entry = std::move(entry);
  });
  if (failure) note_not_authentic(copy, *failure);
}

// Nothing when the copy does not exist.
std::optional<EntryCopy> EntryReader::read_copy_of(const State& state, const std::string& path) {
  Copy read = read_copy(reader_, path, journal_entry_bytes_max);
  if (read.is_absent()) return std::nullopt;
  EntryCopy copy;
  if (!read.bytes) return copy;
  copy.is_read = true;
  copy.bytes = std::move(*read.bytes);
  copy.hash = hash_object(copy.bytes);
  inspect(state, path, copy);
  return copy;
}

// Both copies; the same bytes once.
std::vector<EntryCopy> EntryReader::read_both(const State& state) {
  std::vector<EntryCopy> out;
  for (const std::string& path : copies_of(journal_path(state.next_sequence))) {
    std::optional<EntryCopy> copy = read_copy_of(state, path);
    if (copy && (out.empty() || out.front().hash != copy->hash)) out.push_back(std::move(*copy));
  }
  return out;
}

// The hash that entry n+1 gives entry n; nothing when n+1 does not exist or may not testify.
std::optional<ObjectHash> EntryReader::named_by_next(const State& state,
                                                     const std::vector<EntryCopy>& copies) const {
  const std::uint64_t sequence = state.next_sequence + 1;
  std::optional<ObjectHash> out;
  const auto take = [&](const Copy& copy) {
    if (copy.problem) return false;
    return !failure_of([&] {
      const Envelope next = decode_entry_envelope(*copy.bytes, copy.path, keyring_.repository());
      const JournalClear clear = decode_journal_clear(next.clear, copy.path);
      if (clear.sequence == sequence && may_testify(state, next, copies)) out = clear.previous;
    }) && out;
  };
  find_copy(reader_, journal_path(sequence), journal_entry_bytes_max, take);
  return out;
}

// What an owner has closed with entry `sequence`, if the copy is such an entry.
std::optional<IncidentsClosed> EntryReader::open_closing(const State& state,
                                                         const Copy& copy,
                                                         std::uint64_t sequence) const {
  const Key* key = keys_.find_current(state);
  if (copy.problem || key == nullptr) return std::nullopt;
  std::optional<IncidentsClosed> out;
  const auto damage = damage_of([&] {
    const Envelope envelope = decode_entry_envelope(*copy.bytes, copy.path, keyring_.repository());
    if (decode_journal_clear(envelope.clear, copy.path).sequence != sequence ||
        envelope.header.epoch != state.epoch || !is_owner(state, envelope.header.author) ||
        !is_signed_by_author(state, envelope)) {
      return;
    }
    const JournalEntry entry = open_entry(envelope, copy.path, *key);
    if (const auto* closed = std::get_if<IncidentsClosed>(&entry.act)) out = *closed;
  });
  return damage ? std::nullopt : out;
}

// Looks for an owner's word about the bytes of this entry in the entries that follow it, as many as
// one closing may accept.
void EntryReader::find_accepted(const State& state) {
  for (std::uint64_t ahead = 1; ahead <= accepted_entries_max; ++ahead) {
    const std::uint64_t sequence = state.next_sequence + ahead;
    bool exists = false;
    const auto take = [&](const Copy& copy) {
      exists |= !copy.is_absent();
      const auto closed = open_closing(state, copy, sequence);
      if (!closed || closed->accepted.size() < ahead) return false;
      for (std::uint64_t back = 1; back <= ahead; ++back) {
        accepted_.insert_or_assign(sequence - back,
                                   closed->accepted[closed->accepted.size() - back]);
      }
      return true;
    };
    if (find_copy(reader_, journal_path(sequence), journal_entry_bytes_max, take) || !exists)
      return;
  }
}

// Steps 3 to 5 in the header, for copies of which the first cannot be taken as it is. Null:
// undecodable, or damaged as `damage` says.
EntryCopy* EntryReader::choose(const State& state,
                               std::vector<EntryCopy>& copies,
                               std::string& damage) {
  const std::uint64_t sequence = state.next_sequence;
  std::optional<ObjectHash> named = named_by_next(state, copies);
  const bool is_remembered = !named && seen_ && seen_->sequence == sequence;
  if (is_remembered) named = seen_->hash;
  if (!named) {
    if (EntryCopy* copy = find_signed(copies)) return copy;
    if (!accepted_.contains(sequence)) find_accepted(state);
    const auto found = accepted_.find(sequence);
    return found == accepted_.end() ? nullptr : find_hash(copies, found->second);
  }
  if (EntryCopy* copy = find_hash(copies, *named)) return copy;
  damage =
      concat(journal_path(sequence), " is damaged: ",
             copies.front().entry ? "another entry stands in its place" : copies.front().damage);
  if (!is_remembered) return nullptr;
  throw Error(Code::corrupt, concat(damage, "; restore it from a copy of the repository"));
}

// Only `<n>.2` exists. Another client may still create `<n>` with other bytes, and a client that
// had accepted `.2` would then be on a fork of its own. So copy `.2` to `<n>` with put-if-absent,
// and accept what `<n>` holds afterwards. On a store that is only read, `.2` is accepted if the
// remembered head or entry n+1 names its hash; otherwise nothing is returned: undecodable.
std::optional<EntryCopy> EntryReader::restore_first_copy(const State& state, EntryCopy second) {
  const std::uint64_t sequence = state.next_sequence;
  const std::string path = journal_path(sequence);
  const bool is_seen = seen_ && seen_->sequence == sequence && seen_->hash == second.hash;
  if (is_seen || sequence == 0) return second;  // every slot knows the hash of the first entry
  const auto failure = failure_of([&] {
    if (writer_.put_if_absent(path, second.bytes)) restored_.push_back(path);
    writer_.barrier();
  });
  if (failure && !reader_.size(path)) {
    const bool is_named = named_by_next(state, {}) == second.hash;
    return is_named ? std::optional(std::move(second)) : std::nullopt;
  }
  return read_copy_of(state, path);
}

NextEntry EntryReader::read_next(const State& state) {
  const std::string path = journal_path(state.next_sequence);
  std::optional<EntryCopy> first = read_copy_of(state, path);
  if (first && is_valid(state, *first)) return {.copy = std::move(first)};
  std::vector<EntryCopy> copies = read_both(state);
  if (copies.empty()) return {};
  if (!first) {  // its author may have been at it just then
    first = read_copy_of(state, path);
    if (first && is_valid(state, *first)) return {.copy = std::move(first)};
  }
  std::erase_if(copies, [](const EntryCopy& copy) { return !copy.is_read; });
  std::string damage;
  EntryCopy* chosen = copies.empty() ? nullptr : choose(state, copies, damage);
  if (chosen == nullptr) {
    return {.copy = std::nullopt, .is_undecodable = true, .damage = std::move(damage)};
  }
  if (!first) {
    const ObjectHash hash = chosen->hash;
    std::optional<EntryCopy> restored = restore_first_copy(state, std::move(*chosen));
    if (!restored) return {.copy = std::nullopt, .is_undecodable = true};
    if (restored->hash != hash) return read_next(state);
    *chosen = std::move(*restored);
  }
  if (!first || first->hash != chosen->hash) {
    observer_.notice(concat(path, " is ", first ? "damaged" : "missing",
                            "; its second copy is good and was used"));
  }
  return {.copy = std::move(*chosen)};
}

}  // namespace kist
