// A journal made by hand, without an engine: three slots and the secrets of every epoch are known,
// an entry can be sealed by any slot under any key and put under any number. And the client of one
// slot, which follows what is in the store.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/crypto/hash.h"
#include "engine/crypto/seal.h"
#include "engine/format/slot.h"
#include "engine/journal/anchor.h"
#include "engine/journal/entry_reader.h"
#include "engine/journal/epoch_keys.h"
#include "engine/journal/journal.h"
#include "engine/journal/sealed_entry.h"
#include "engine/keys/epoch_secrets.h"
#include "engine/rules/validate.h"
#include "tests/support/attacker.h"
#include "tests/unit/keys/keys_fixture.h"
#include "tests/unit/store/store_fixture.h"

namespace kist::test {

// The secrets of one epoch.
struct EpochSample {
  EpochSample(std::uint8_t fill, std::uint32_t epoch_number, std::uint64_t begun_at)
      : id(sample_id<EpochId>(fill)), number(epoch_number), begun(begun_at) {
    const auto key = [&](int i) { return key_of(static_cast<std::uint8_t>(fill + i)); };
    parts = {key(0), key(1), key(2), key(3)};
    std::ranges::copy(key(4).view(), shares.entry.begin());
    shares.anchor = key(5);
  }

  [[nodiscard]] const Key& journal_key() const { return parts.journal_key; }

  [[nodiscard]] EpochSecrets secrets() const {
    return derive_epoch_secrets(parts, shares.entry, shares.anchor);
  }

  [[nodiscard]] ObjectOrigin origin() const { return {keys_repository(), number, id, {}}; }

  [[nodiscard]] Bytes anchor() const { return make_anchor(origin(), shares.anchor); }

  [[nodiscard]] EpochBeginning beginning() const {
    return make_beginning(parts, shares, hash_object(anchor()), begun);
  }

  EpochId id;
  std::uint32_t number;
  std::uint64_t begun;
  EpochParts parts;
  EpochShares shares;
};

class HandMadeJournal {
 public:
  // Entry 0 is genesis, 1 and 2 let the writers in.
  HandMadeJournal() {
    epochs.emplace_back(std::uint8_t{100}, 0U, 0U);
    Genesis genesis = sample_genesis();
    genesis.policy.name = "default";
    put_anchors(store, epoch().origin(), epoch().anchor());
    genesis.beginning = epoch().beginning();
    genesis.owner = introduction(owner, owner_capabilities);
    genesis.owner.slot_object = {};
    append(owner, genesis);
    append(owner, SlotAdded{introduction(writer, writer_capabilities)});
    append(owner, SlotAdded{introduction(other, writer_capabilities)});
    store.put(repository_file,
              encode_repository_file({.repository = keys_repository()}, &hash_object));
  }

  [[nodiscard]] const EpochSample& epoch() const { return epochs.back(); }

  [[nodiscard]] const ObjectHash& fingerprint() const { return state().fingerprint; }

  // What an honest client has after every entry that was appended.
  [[nodiscard]] const State& state() const { return states.back(); }

  // The entry that would follow, of the current epoch.
  [[nodiscard]] JournalEntry next(const NumberedSlot& author, Act act) const {
    return {.sequence = state().next_sequence,
            .previous = state().head,
            .author = author.id,
            .epoch_number = epoch().number,
            .epoch = epoch().id,
            .time_ms = start_ms + static_cast<std::int64_t>(state().next_sequence),
            .act = std::move(act)};
  }

  // The same, with an act that holds for any slot at any time; another with each call.
  JournalEntry next(const NumberedSlot& author) {
    return next(author, StateRemade{random.draw_id<ClientId>()});
  }

  // The same, with an act that holds for no slot.
  [[nodiscard]] JournalEntry next_void(const NumberedSlot& author) const {
    return next(author, SlotRewrapped{.generation = 1, .kind = SlotKind::key_file});
  }

  Bytes seal(const NumberedSlot& author, const JournalEntry& entry, const Key& key) {
    return seal_entry(author.keyring(), key, random, entry);
  }

  Bytes seal(const NumberedSlot& author, const JournalEntry& entry) {
    return seal(author, entry, epoch().journal_key());
  }

  // Makes these the two copies of an entry; empty: none.
  void place(std::uint64_t sequence, const Bytes& first, const Bytes& second) {
    const auto copies = copies_of(journal_path(sequence));
    for (const auto& [path, bytes] : {std::pair(copies[0], first), std::pair(copies[1], second)}) {
      if (bytes.empty()) {
        store.remove(path);
      } else {
        store.overwrite(path, bytes);
      }
    }
  }

  // Seals the entry, puts both copies, and lets every honest client take it over.
  Bytes append(const NumberedSlot& author, const JournalEntry& entry) {
    Bytes bytes = seal(author, entry);
    place(entry.sequence, bytes, bytes);
    State after = state();
    const ObjectHash hash = hash_object(bytes);
    if (const auto violation = validate(after, entry)) {
      const bool is_foreign = entry.epoch != after.epoch;
      apply_void(after, violation->reason, hash, is_foreign ? SlotId() : entry.author);
    } else {
      apply(after, entry, hash);
    }
    states.push_back(std::move(after));
    return bytes;
  }

  Bytes append(const NumberedSlot& author, const Act& act) {
    return append(author, next(author, act));
  }

  Bytes append(const NumberedSlot& author) { return append(author, next(author)); }

  // Bytes that no slot has signed win the next number, and are accepted by nobody yet.
  Bytes place_junk(std::uint64_t sequence) {
    Bytes junk = random_bytes(random, 300);
    place(sequence, junk, junk);
    return junk;
  }

  // Begins the next epoch with an entry of that slot; of the former epoch no box is left.
  Bytes end_epoch(const NumberedSlot& author, const std::vector<SlotId>& revoked = {}) {
    const auto fill = static_cast<std::uint8_t>(100 + 10 * epochs.size());
    epochs.emplace_back(fill, epoch().number + 1, state().next_sequence);
    const EpochSample& former = epochs.at(epochs.size() - 2);
    EpochEnded act;
    act.former = {.epoch = former.id,
                  .begun = former.begun,
                  .journal_key = seal_journal_key(former.journal_key(), epoch().journal_key())};
    put_anchors(store, epoch().origin(), epoch().anchor());
    act.beginning = epoch().beginning();
    act.forgets = true;
    act.revoked = revoked;
    act.keys = {{.last = state().next_sequence - 1, .segments = {}}};
    for (const NumberedSlot* slot : {&owner, &writer, &other}) {
      remove_box(former, *slot);
      if (std::ranges::count(revoked, slot->id) > 0) continue;
      act.boxes.push_back({slot->id, put_box(epoch(), *slot)});
    }
    return append(author, act);
  }

  // The slot's box of that epoch, put in both copies; its hash.
  ObjectHash put_box(const EpochSample& of, const NumberedSlot& slot) {
    const ObjectOrigin origin{keys_repository(), of.number, of.id, owner.id};
    const Bytes box = make_epoch_box(
        origin, slot.id, slot.keys.public_keys().box, {.parts = of.parts, .least = of.begun},
        slot.id == owner.id ? owner_capabilities : writer_capabilities);
    for (const std::string& copy : copies_of(epoch_box_path(of.number, of.id, slot.id))) {
      store.overwrite(copy, box);
    }
    return hash_object(box);
  }

  void remove_box(const EpochSample& of, const NumberedSlot& slot) {
    for (const std::string& copy : copies_of(epoch_box_path(of.number, of.id, slot.id))) {
      store.remove(copy);
    }
  }

  MemoryStore store;
  SeededRandom random{seed()};
  NumberedSlot owner{1};
  NumberedSlot writer{2};
  NumberedSlot other{3};
  NumberedSlot stranger{9};  // no slot of this journal
  std::vector<EpochSample> epochs;
  std::vector<State> states{State()};  // by the sequence of the entry that follows

 private:
  SlotIntroduction introduction(const NumberedSlot& slot, Capabilities capabilities) {
    SlotIntroduction out;
    out.slot = slot.id;
    out.kind = SlotKind::key_file;
    out.capabilities = capabilities;
    out.name = concat("slot ", hex(slot.id).substr(0, 2));
    out.signing_key = slot.keys.public_keys().signing;
    out.box_key = slot.keys.public_keys().box;
    out.grant = random.draw_id<ObjectHash>();
    out.epoch_box = put_box(epoch(), slot);
    out.slot_object = random.draw_id<ObjectHash>();
    return out;
  }
};

// One slot that reads: what it has of keys, and the reader of entries. It has entered no epoch yet.
struct ReadingSlot {
  ReadingSlot(HandMadeJournal& journal, const NumberedSlot& slot)
      : ReadingSlot(journal, slot, journal.store) {}

  ReadingSlot(HandMadeJournal& journal, const NumberedSlot& slot, Store& used)
      : store(used), keyring(slot.keyring(journal.fingerprint())) {}

  Store& store;
  Keyring keyring;
  RecordingObserver observer;
  std::optional<Head> seen;
  EpochKeys keys{store, keyring, observer};
  EntryReader entries{store, store, keyring, keys, observer, seen};
};

// The client of one slot on one machine, with a state directory of its own.
struct ClientSample {
  ClientSample(HandMadeJournal& made, const NumberedSlot& slot)
      : ClientSample(made, slot, made.store) {}

  ClientSample(HandMadeJournal& made, const NumberedSlot& slot, Store& used)
      : store(used), keyring(slot.keyring(made.fingerprint())) {
    journal.trust_head(true);
    local.remember_exclusive_put();
  }

  JournalEntry commit(const Journal::MakeAct& make) {
    return journal.commit(journal.require_writable(), make);
  }

  // An act that holds for any slot at any time.
  JournalEntry commit() {
    return commit([&](const State&) { return Act(StateRemade{random.draw_id<ClientId>()}); });
  }

  Store& store;
  TemporaryDirectory directory;
  FixedClock clock{start_ms + 10'000};
  SeededRandom random{77};
  RecordingObserver observer;
  LocalDirectory local{directory / "state", random, observer};
  Keyring keyring;
  Journal journal{store, keyring, local, {clock, random, observer}};
};

}  // namespace kist::test
