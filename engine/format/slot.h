// The way in and what it opens: kist.repo, slot objects, grants and epoch boxes. Pure layout.
// docs/format.md, "kist.repo", "Slots", "Grants", "Epoch boxes".
#pragma once

#include <array>
#include <cstdint>

#include "engine/base/bytes.h"
#include "engine/base/id.h"

namespace kist {

// kist.repo: 64 plain bytes, so that a store is recognised without any key.
struct RepositoryFile {
  RepositoryId repository;
  std::uint32_t features = 0;  // bits a reader must know; none is defined yet
  bool operator==(const RepositoryFile&) const = default;
};

inline constexpr std::size_t repository_file_size = 64;
// The last 32 bytes are the BLAKE2b-256 of the 32 before; `checksum` computes it.
Bytes encode_repository_file(const RepositoryFile& file, ObjectHash (*checksum)(View));
RepositoryFile decode_repository_file(View bytes, ObjectHash (*checksum)(View));

// How a slot's secret is kept, as the journal states it. A slot object is wrapped in one of the
// first two ways: a recovery sheet's as a key file's.
enum class SlotKind : std::uint8_t {
  passphrase = 1,
  key_file = 2,
  recipient = 3,       // made elsewhere, not accepted yet: there is no slot object
  recovery_sheet = 4,  // a key file's key on paper
};

// The clear section of a slot object: the public half, and how its secret is opened.
struct SlotClear {
  SigningPublicKey signing_key;
  BoxPublicKey box_key;
  SlotKind kind = SlotKind::passphrase;
  std::uint32_t generation = 1;
  std::uint32_t passes = 0;      // Argon2id, for passphrases; else 0
  std::uint32_t memory_kib = 0;  // Argon2id, for passphrases; else 0
  std::array<std::uint8_t, 16> salt{};
  bool operator==(const SlotClear&) const = default;
};

Bytes encode_slot_clear(const SlotClear& clear);
SlotClear decode_slot_clear(View bytes, std::string_view object);

// The payload of a slot object: 32 bytes of seed, then the genesis entry's hash.
inline constexpr std::size_t slot_secret_size = 64;
// The payload of a grant: id_key, then chunk_seed (zeros when the slot may not write).
inline constexpr std::size_t grant_secret_size = 64;
// What an epoch box seals: journal_key and three parts (zeros for one that the slot may not have),
// and the least sequence that the entry which begins the epoch could have come to have.
inline constexpr std::size_t epoch_secret_size = 136;

// An epoch box: a fixed header and a sealed box. Unsigned; the journal names its hash.
struct EpochBox {
  RepositoryId repository;
  std::uint32_t epoch_number = 0;
  EpochId epoch;
  SlotId slot;
  Bytes box;
  bool operator==(const EpochBox&) const = default;
};

Bytes encode_epoch_box(const EpochBox& box);
EpochBox decode_epoch_box(View bytes, std::string_view object);
inline constexpr std::size_t epoch_box_size = 64 + epoch_secret_size + 48;

// One of the four copies of an epoch's anchor. In the clear: its share opens nothing by itself. The
// entry that begins the epoch names its hash.
struct Anchor {
  RepositoryId repository;
  std::uint32_t epoch_number = 0;
  EpochId epoch;
  KeyBytes share;
  bool operator==(const Anchor&) const = default;
};

inline constexpr std::size_t anchor_size = 80;
Bytes encode_anchor(const Anchor& anchor);
Anchor decode_anchor(View bytes, std::string_view object);

}  // namespace kist
