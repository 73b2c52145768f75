// Act 10, entries proved: the author has opened every frame of what the snapshot entries in these
// ranges have introduced, and found each block to be what the index says, in an index without
// unloaded entries. docs/format.md, "Journal".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/bytes.h"

namespace kist {

// Entries by their sequences, both ends included.
struct EntryRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  bool operator==(const EntryRange&) const = default;
};

struct EntriesProved {
  static constexpr std::uint16_t number = 10;

  std::vector<EntryRange> ranges;  // ascending, none overlaps another
  bool operator==(const EntriesProved&) const = default;

  static std::string name() { return "proved"; }

  void encode(ByteWriter& out) const;
  static EntriesProved decode(ByteReader& in);
};

}  // namespace kist
