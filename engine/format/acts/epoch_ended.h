// Act 5, epoch ended: the current epoch ends and the next one begins. The entry's envelope is
// sealed in the new epoch already. docs/format.md, "Journal", "Epochs".
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/id.h"
#include "engine/format/acts/epoch_beginning.h"

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

// The key segments of the new epoch that hold the keys of what the entries up to `last` have
// introduced, from the one after the range before. No entry's keys are in two ranges.
struct KeyRange {
  std::uint64_t last = 0;
  std::vector<ObjectHash> segments;
  bool operator==(const KeyRange&) const = default;
};

// Index segments of the entries from `first` to `last` that others take the place of, or nothing.
struct IndexRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  bool is_given_up = false;
  std::vector<ObjectHash> segments;  // none where they are given up
  bool operator==(const IndexRange&) const = default;
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
  EpochBeginning beginning;
  bool forgets = false;               // clients keep nothing of what came before
  std::vector<SlotId> revoked;        // slots that get no box of it; ascending
  std::vector<NamedBox> boxes;        // of every other slot; ascending
  std::vector<KeyRange> keys;         // of all entries before this one
  std::uint64_t dropped_count = 0;    // of key segments that were damaged, and given up
  std::vector<IndexRange> index;      // ascending; all other index segments stay what they are
  std::vector<SnapshotId> snapshots;  // of which blocks have ended; ascending
  ObjectHash ended_blocks;            // the object that lists the numbers that have ended; or zero
  ObjectHash removed_objects;         // the object that lists what is removed; or zero
  bool operator==(const EpochEnded&) const = default;

  static std::string name() { return "epoch ended"; }

  void encode(ByteWriter& out) const;
  static EpochEnded decode(ByteReader& in);
};

}  // namespace kist
