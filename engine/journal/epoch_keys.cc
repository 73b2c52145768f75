#include "engine/journal/epoch_keys.h"

#include <algorithm>
#include <functional>
#include <set>
#include <vector>

#include "engine/base/attempt.h"
#include "engine/crypto/kdf.h"
#include "engine/crypto/seal.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/journal/sealed_entry.h"
#include "engine/keys/sealed_object.h"
#include "engine/rules/validate.h"
#include "engine/store/twins.h"

namespace kist {

namespace {

constexpr std::string_view lost_box_advice =
    ": this slot opens nothing without it; have an owner or operator who reads run kist verify "
    "--repair, which makes it anew, restore it from a copy of the repository, or use another slot";

Key sealing_key(const Key& journal_key) {
  return derive_key(journal_key, KeyUse::journal_key_sealing);
}

// The bytes under an entry's path, by their envelope alone.
struct SealedEntry {
  Bytes bytes;
  Envelope envelope;  // views into the bytes
};

// Both copies, as far as they can be read: one may be damaged where an envelope does not show it.
std::vector<SealedEntry> read_sealed(StoreReader& store,
                                     const RepositoryId& repository,
                                     std::uint64_t sequence) {
  std::vector<SealedEntry> out;
  find_whole_copy(store, journal_path(sequence), journal_entry_bytes_max, [&](const Copy& copy) {
    SealedEntry read{*copy.bytes, {}};
    read.envelope = decode_entry_envelope(read.bytes, copy.path, repository);
    if (out.empty() || out.front().bytes != read.bytes) out.push_back(std::move(read));
    return false;
  });
  return out;
}

// Whether the envelope bears the signature of a slot that may end the current epoch.
bool is_by_who_may_end(const State& state, const Envelope& envelope) {
  const SlotId& author = envelope.header.author;
  return may_end_epoch(state, author) &&
         is_signed_by(envelope, state.slots.at(author).introduction.signing_key);
}

// The entry of that number as the beginning of the epoch, by its journal key; nothing where it is
// another's, or does not say so.
std::optional<EpochBeginningRead> read_beginning(StoreReader& store,
                                                 const State& state,
                                                 const RepositoryId& repository,
                                                 const EpochOnTheWay& epoch,
                                                 std::uint64_t sequence) {
  std::optional<EpochBeginningRead> out;
  const auto take = [&](const Copy& copy) {
    const Envelope envelope = decode_entry_envelope(*copy.bytes, copy.path, repository);
    if (envelope.header.epoch != epoch.epoch) return false;
    const JournalEntry entry = open_entry(envelope, copy.path, epoch.journal_key);
    const auto* ended = std::get_if<EpochEnded>(&entry.act);
    if (ended == nullptr || ended->former.begun >= sequence) return false;
    out = EpochBeginningRead{ended->former, is_by_who_may_end(state, envelope)};
    return true;
  };
  find_whole_copy(store, journal_path(sequence), journal_entry_bytes_max, take);
  return out;
}

// Whether the box is the one that the journal names, and has the parts that the slot may have.
bool is_confirmed(const State& state, const SlotState& slot, const OpenedEpoch& opened) {
  const Capabilities may = slot.introduction.capabilities;
  return opened.hash == slot.epoch_box && opened.least == state.beginning.least &&
         opened.parts.read_part.is_zero() == ((may & can_read) == 0) &&
         opened.parts.audit_part.is_zero() == ((may & (can_read | can_audit)) == 0);
}

}  // namespace

const Key* EpochKeys::known(const EpochId& epoch) const {
  if (epoch == keyring_.origin().epoch) return &keyring_.journal_key();
  const auto found = learned_.find(epoch);
  return found == learned_.end() ? nullptr : &found->second;
}

Error EpochKeys::lost_box(std::uint32_t number, const EpochId& epoch) const {
  return {Code::missing, concat(epoch_box_path(number, epoch, keyring_.slot()), " is missing")};
}

// The epochs that the copies of an entry say they are of; none where there is no entry. Each entry
// is looked at once, however many boxes lead there.
const std::vector<EpochId>& EpochKeys::epochs_of(std::uint64_t sequence) {
  const auto found = epochs_of_.find(sequence);
  if (found != epochs_of_.end()) return found->second;
  std::vector<EpochId>& out = epochs_of_[sequence];
  for (const std::string& copy : copies_of(journal_path(sequence))) {
    static_cast<void>(damage_of([&] {
      Bytes bytes(envelope_header_size);
      bytes.resize(store_.get_range(copy, 0, bytes));
      out.push_back(decode_envelope_header(bytes, copy).epoch);
    }));
  }
  return out;
}

// The first entry, from the number on that the box states, that began the epoch: others may have
// been faster than it.
std::optional<EpochBeginningRead> EpochKeys::find_beginning(const State& state,
                                                            const EpochOnTheWay& epoch) {
  for (std::uint64_t distance = 0; distance <= beginning_distance_max; ++distance) {
    const std::uint64_t sequence = epoch.least + distance;
    const std::vector<EpochId>& epochs = epochs_of(sequence);
    if (epochs.empty()) break;
    if (std::ranges::count(epochs, epoch.epoch) == 0) continue;
    if (auto found = read_beginning(store_, state, keyring_.repository(), epoch, sequence)) {
      return found;
    }
  }
  return std::nullopt;
}

// Whether the key opens the entry that began the epoch that `state` is in: that of a wanted entry
// which opens for nobody is found by this.
bool EpochKeys::is_current_key(const State& state, const EpochOnTheWay& epoch) const {
  if (state.next_sequence == 0 || epoch.epoch != state.epoch) return false;
  const auto beginnings = read_sealed(store_, keyring_.repository(), state.epoch_begun);
  return std::ranges::any_of(beginnings, [&](const SealedEntry& beginning) {
    return beginning.envelope.header.epoch == epoch.epoch &&
           opens_entry(beginning.envelope, epoch.journal_key);
  });
}

// Goes from one epoch to the one before until the wanted entry's. Example and reason: the header.
EpochKeys::Way EpochKeys::walk_back(const State& state,
                                    const OpenedEpoch& from,
                                    const Envelope& wanted) {
  std::vector<std::pair<EpochId, Key>> found;
  EpochOnTheWay at{from.epoch, from.least, from.parts.journal_key.clone()};
  bool is_successor_signed = false;
  while (at.epoch != wanted.header.epoch) {
    // The current epoch lies behind a later one, so the wanted entry is not the one that ended it.
    if (state.next_sequence > 0 && at.epoch == state.epoch) {
      return is_successor_signed ? Way::elsewhere : Way::nowhere;
    }
    const auto beginning = find_beginning(state, at);
    if (!beginning) return Way::nowhere;
    is_successor_signed = beginning->is_by_who_may_end;
    Key former;
    const auto failure = failure_of(
        [&] { former = open_journal_key(beginning->former.journal_key, at.journal_key); });
    if (failure) return Way::nowhere;
    found.emplace_back(at.epoch, std::exchange(at.journal_key, std::move(former)));
    at.epoch = beginning->former.epoch;
    at.least = beginning->former.begun;
  }
  if (!opens_entry(wanted, at.journal_key) && !is_current_key(state, at)) return Way::nowhere;
  found.emplace_back(at.epoch, std::move(at.journal_key));
  for (auto& [epoch, key] : found) {
    learned_.insert_or_assign(epoch, std::move(key));
  }
  return Way::found;
}

// The slot's box of an epoch, if there is one that can be right. Where the journal already names
// the box, no other one is.
std::optional<OpenedEpoch> EpochKeys::open_box(const State& state,
                                               const EnvelopeHeader& header,
                                               std::optional<Error>& damage,
                                               const AcceptEpoch& accepts) const {
  const auto slot = state.slots.find(keyring_.slot());
  const bool is_named = slot != state.slots.end() && header.epoch == state.epoch;
  std::optional<OpenedEpoch> out;
  damage = damage_of([&] {
    out = keyring_.open_epoch(
        store_, header.epoch_number, header.epoch, observer_, [&](const OpenedEpoch& opened) {
          return (!is_named || opened.hash == slot->second.epoch_box) && accepts(opened);
        });
  });
  return out;
}

// Tries every entry from the end of the journal down, for each epoch that it meets: the newest that
// this slot can open leads back to the others.
EpochKeys::Way EpochKeys::learn_from_later(const State& state,
                                           const Envelope& wanted,
                                           bool& has_others) {
  std::set<std::uint64_t, std::greater<>> sequences;
  store_.list("journal", [&](const std::string& file) {
    const auto sequence = parse_journal_path(first_copy_path(file));
    if (sequence && *sequence >= state.next_sequence) sequences.insert(*sequence);
  });
  std::set<EpochId> tried;  // that have led nowhere
  Way way = Way::nowhere;
  for (const std::uint64_t sequence : sequences) {
    check_cancelled(observer_);
    for (const SealedEntry& later : read_sealed(store_, keyring_.repository(), sequence)) {
      const EnvelopeHeader& header = later.envelope.header;
      if (tried.contains(header.epoch)) continue;
      has_others |= header.epoch != wanted.header.epoch;
      std::optional<Error> ignored;
      const std::optional<OpenedEpoch> opened =
          open_box(state, header, ignored, [&](const OpenedEpoch& candidate) {
            return opens_entry(later.envelope, candidate.parts.journal_key);
          });
      if (!opened) continue;
      tried.insert(header.epoch);
      const Way found = walk_back(state, *opened, wanted);
      if (found == Way::found) return found;
      if (found == Way::elsewhere) way = found;
    }
  }
  return way;
}

// The box of the wanted epoch is the short way to its key; where that box is gone, a later epoch is
// the long one. A damaged or missing box is an Error only if nothing else explains its absence:
// where no later epoch has begun, nobody was shut out.
EpochKeys::Way EpochKeys::learn(const State& state, const Envelope& wanted) {
  const EnvelopeHeader& header = wanted.header;
  // A box that the journal names is right, whether or not the wanted entry opens: its author may
  // have sealed that with another key, and it is void then.
  const bool is_named = state.slots.contains(keyring_.slot()) && header.epoch == state.epoch;
  std::optional<Error> damage;
  std::optional<OpenedEpoch> own = open_box(state, header, damage, [&](const OpenedEpoch& opened) {
    return is_named || opens_entry(wanted, opened.parts.journal_key);
  });
  if (own) {
    learned_.insert_or_assign(own->epoch, std::move(own->parts.journal_key));
    return Way::found;
  }
  bool has_others = false;
  const Way way = learn_from_later(state, wanted, has_others);
  if (way != Way::nowhere) return way;
  const bool is_next = state.next_sequence > 0 && header.epoch != state.epoch;
  const bool has_ended = is_next || has_others;
  if (!damage && !has_ended) damage = lost_box(header.epoch_number, header.epoch);
  if (damage) throw Error(damage->code(), concat(damage->text(), lost_box_advice));
  return Way::nowhere;
}

const Key* EpochKeys::find(const State& state, const Envelope& envelope) {
  const EnvelopeHeader& header = envelope.header;
  const bool is_current = state.next_sequence == 0 || header.epoch == state.epoch;
  const bool is_next = begins_next_epoch(state, header.epoch_number, header.epoch) &&
                       is_by_who_may_end(state, envelope);
  if (!is_current && !is_next) return nullptr;
  if (const Key* key = known(header.epoch)) return key;
  switch (learn(state, envelope)) {
    case Way::found:
      return known(header.epoch);
    case Way::elsewhere:
      return nullptr;
    case Way::nowhere:
      break;
  }
  refuse_epoch(state.next_sequence);
}

void EpochKeys::enter_current(const State& state) {
  const auto slot = state.slots.find(keyring_.slot());
  if (slot == state.slots.end()) return;  // a key add that was cut off: the slot never began
  if (slot->second.is_revoked) {
    throw Error(Code::refused, "this slot was revoked; ask an owner for another one");
  }
  if (keyring_.origin().epoch == state.epoch) return;
  std::optional<OpenedEpoch> opened = keyring_.open_epoch(
      store_, state.epoch_number, state.epoch, observer_,
      [&](const OpenedEpoch& found) { return is_confirmed(state, slot->second, found); });
  if (!opened) {
    throw Error(Code::missing,
                concat(lost_box(state.epoch_number, state.epoch).text(), lost_box_advice));
  }
  keyring_.enter(std::move(*opened));
}

void refuse_epoch(std::uint64_t sequence) {
  throw Error(
      Code::refused,
      concat("this slot has no key to the epoch that journal entry ", sequence,
             " is of: the slot was revoked, or its epoch box, or the entry that began a "
             "later epoch, is lost; kist verify --repair, by an owner or operator who reads, "
             "makes a box anew; else restore that from a copy of the repository, or ask an "
             "owner for another slot"));
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
