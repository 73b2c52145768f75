// A store with the slot objects that a test puts there.
#pragma once

#include <string>

#include "engine/format/journal_entry.h"
#include "tests/unit/keys/keys_fixture.h"

namespace kist::test {

struct Slots {
  void put(const NumberedSlot& slot, const Credential& credential, std::uint32_t generation = 1) {
    const Wrapping wrapping{credential, argon2_floor, generation, fingerprint};
    put_twinned(store, slot_path(slot.id, generation),
                make_slot_object(slot.origin(), slot.keys, wrapping, random));
  }

  // An object that anybody could put there: well made and signed, and opened by no passphrase.
  void plant(const NumberedSlot& slot, const Argon2Cost& cost, std::uint32_t generation = 1) {
    plant(slot, slot, cost, generation);
  }

  // The same, in the name of a slot of which the signer does not have the key.
  void plant_as(const NumberedSlot& slot, const NumberedSlot& signer, std::uint32_t generation) {
    plant(slot, signer, argon2_floor, generation);
  }

  // The first entry of a journal, by that slot.
  void begin_journal(const NumberedSlot& slot) {
    put_twinned(store, journal_path(0),
                seal_object({.type = ObjectType::journal_entry,
                             .origin = slot.origin(),
                             .clear = encode_journal_clear({0, {}})},
                            key_of(98), slot.keys.signing_seed, random, Bytes(10)));
  }

  // Flips a bit in the sealed part, in both copies.
  void damage(const NumberedSlot& slot) {
    for (const std::string& copy : copies_of(slot_path(slot.id, 1))) {
      flip_stored_bit(store, copy, 220);
    }
  }

  OpenedSlot open(const Credential& credential, const SlotChoice& choice = {}) {
    return open_slot(store, keys_repository(), credential, choice);
  }

  Code open_code(const Credential& credential, const SlotChoice& choice = {}) {
    return error_code([&] { open(credential, choice); });
  }

  MemoryStore store;
  SeededRandom random{seed()};
  ObjectHash fingerprint = sample_id<ObjectHash>(40);

 private:
  void plant(const NumberedSlot& slot,
             const NumberedSlot& signer,
             const Argon2Cost& cost,
             std::uint32_t generation) {
    const SlotClear clear{.signing_key = signer.keys.public_keys().signing,
                          .box_key = signer.keys.public_keys().box,
                          .kind = SlotKind::passphrase,
                          .generation = generation,
                          .passes = cost.passes,
                          .memory_kib = cost.memory_kib};
    put_twinned(
        store, slot_path(slot.id, generation),
        seal_object(
            {.type = ObjectType::slot, .origin = slot.origin(), .clear = encode_slot_clear(clear)},
            key_of(99), signer.keys.signing_seed, random, Bytes(slot_secret_size)));
  }
};

}  // namespace kist::test
