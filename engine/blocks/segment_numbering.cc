#include "engine/blocks/segment_numbering.h"

#include <algorithm>

namespace kist {

std::optional<std::uint64_t> SegmentNumbering::place(PackKind stream, const IndexSegment& segment) {
  std::uint64_t& next = stream == PackKind::data ? next_data_ : next_meta_;
  const bool is_of_stream = std::ranges::all_of(
      segment.packs, [&](const IndexedPack& pack) { return pack.kind == stream; });
  const std::uint64_t first = segment.first_ordinal;
  const std::uint64_t end = first + segment.block_count();
  const bool counts =
      !segment.has_numbers && is_of_stream && first >= next && end <= numbers_.count_of(stream);
  if (!counts) return std::nullopt;
  next = end;
  return numbers_.first_of(stream) + first;
}

void SegmentNumbering::skip(PackKind stream, std::uint32_t first_ordinal, std::uint32_t count) {
  std::uint64_t& next = stream == PackKind::data ? next_data_ : next_meta_;
  next = std::max(next, std::uint64_t{first_ordinal} + count);
}

}  // namespace kist
