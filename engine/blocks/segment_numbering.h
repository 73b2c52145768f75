// Which numbers the blocks of an entry's index segments have, and which of these segments count.
//
// A segment states its first ordinal. It counts if it lists packs of its stream alone, if its
// ordinals lie within what the entry reserved for the stream, and if they come after those of the
// segments of the stream that the entry lists before it. So a segment takes nobody's numbers, not
// even those of another one of its entry, and each has the same numbers for every client: whether
// another one is there, damaged or nonsense moves none of them. docs/format.md, "Index segments".
#pragma once

#include <cstdint>
#include <optional>

#include "engine/format/acts/snapshot_taken.h"
#include "engine/format/index.h"

namespace kist {

class SegmentNumbering {
 public:
  // Of an entry with these numbers.
  explicit SegmentNumbering(const EntryNumbers& numbers) : numbers_(numbers) {}

  // The number of the segment's first block; empty if it does not count. In the order in which the
  // entry lists its segments; those that cannot be read are left out.
  std::optional<std::uint64_t> place(PackKind stream, const IndexSegment& segment);

  // A segment that was replaced: its ordinals stay taken.
  void skip(PackKind stream, std::uint32_t first_ordinal, std::uint32_t count);

 private:
  const EntryNumbers numbers_;
  std::uint64_t next_data_ = 0;  // the least ordinal that the next segment may begin with
  std::uint64_t next_meta_ = 0;
};

}  // namespace kist
