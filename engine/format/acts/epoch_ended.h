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
#include "engine/format/acts/reindexed.h"

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

// What ends for good with an epoch: a collection, or a disposal.
struct EndedContent {
  // Index segments that stand condemned (act 14): nobody has what they list any more. Ascending.
  std::vector<ReplacedSegment> segments;
  std::vector<SnapshotId> snapshots;  // that can be restored no more; ascending
  std::vector<SnapshotId> forgotten;  // of which body and reference set go as well; ascending
  // Objects that are removed, and count for nobody whoever names them later: the packs of the
  // segments, and what no entry names. Ascending.
  std::vector<ObjectHash> names;
  bool operator==(const EndedContent&) const = default;

  [[nodiscard]] bool empty() const { return *this == EndedContent(); }
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
  bool forgets = false;             // clients keep nothing of what came before
  std::vector<SlotId> revoked;      // slots that get no box of it; ascending
  std::vector<NamedBox> boxes;      // of every other slot; ascending
  std::vector<KeyRange> keys;       // of all entries before this one
  std::uint64_t dropped_count = 0;  // of key segments that were damaged, and given up
  EndedContent ended;
  bool operator==(const EpochEnded&) const = default;

  static std::string name() { return "epoch ended"; }

  void encode(ByteWriter& out) const;
  static EpochEnded decode(ByteReader& in);
};

}  // namespace kist
