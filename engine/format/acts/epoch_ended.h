// Act 5, epoch ended: the current epoch ends and the next one begins. The entry's envelope is
// sealed in the new epoch already. docs/format.md, "Journal", "Epochs".
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/id.h"

namespace kist {

// A journal key under AEAD, so that the catalog, which keeps all entries, holds no key.
inline constexpr std::size_t sealed_journal_key_size = 48;
using SealedJournalKey = std::array<std::uint8_t, sealed_journal_key_size>;

// How a slot finds its keys in the new epoch.
struct NamedBox {
  SlotId slot;
  ObjectHash hash;
  bool operator==(const NamedBox&) const = default;
};

// A key segment of the new epoch, and the segments of the former one whose keys it carries on.
struct CarriedSegment {
  ObjectHash name;
  std::vector<ObjectHash> replaces;
  bool operator==(const CarriedSegment&) const = default;
};

// The epoch that ends. A client follows the journal back through these: from the newest epoch that
// its slot has a box of to the first one.
struct FormerEpoch {
  EpochId epoch;
  std::uint64_t begun = 0;       // the sequence of the entry that began it
  SealedJournalKey journal_key;  // its journal_key, sealed with the new one
  bool operator==(const FormerEpoch&) const = default;
};

struct EpochEnded {
  static constexpr std::uint16_t number = 5;

  FormerEpoch former;
  BoxPublicKey epoch_key;               // pk of the epoch that begins
  std::vector<SlotId> revoked;          // slots that get no box of it; ascending
  std::vector<NamedBox> boxes;          // of every other slot; ascending
  std::vector<CarriedSegment> carried;  // together with `dropped`: all current key segments
  std::vector<ObjectHash> dropped;      // key segments that could not be opened
  bool operator==(const EpochEnded&) const = default;

  static std::string name() { return "epoch ended"; }

  void encode(ByteWriter& out) const;
  static EpochEnded decode(ByteReader& in);
};

}  // namespace kist
