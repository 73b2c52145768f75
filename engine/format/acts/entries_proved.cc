#include "engine/format/acts/entries_proved.h"

namespace kist {

void EntriesProved::encode(ByteWriter& out) const {
  out.u32(narrow<std::uint32_t>(ranges.size()));
  for (const EntryRange& range : ranges) {
    out.u64(range.first);
    out.u64(range.last);
  }
}

EntriesProved EntriesProved::decode(ByteReader& in) {
  EntriesProved out;
  out.ranges.resize(in.count(16, "ranges of entries"));
  for (EntryRange& range : out.ranges) {
    range.first = in.u64();
    range.last = in.u64();
  }
  return out;
}

}  // namespace kist
