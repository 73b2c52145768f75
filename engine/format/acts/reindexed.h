// Act 11, reindex: whole index segments are replaced by others, which list the same packs or better
// copies of their blocks, under the same numbers. docs/format.md, "Index segments".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/id.h"

namespace kist {

// A segment that does not count any more, and the ordinals that its blocks have in the stream of
// its entry: they stay taken. None of a rewritten segment.
struct ReplacedSegment {
  ObjectHash hash;
  std::uint32_t first_ordinal = 0;
  std::uint32_t count = 0;
  bool operator==(const ReplacedSegment&) const = default;
};

void encode_replaced_segments(ByteWriter& out, const std::vector<ReplacedSegment>& segments);
std::vector<ReplacedSegment> decode_replaced_segments(ByteReader& in);

struct Reindexed {
  static constexpr std::uint16_t number = 11;

  std::vector<ReplacedSegment> replaced;  // ascending
  std::vector<ObjectHash> segments;       // that replace them together
  std::vector<ObjectHash> key_segments;   // with the keys of `segments`
  bool operator==(const Reindexed&) const = default;

  static std::string name() { return "reindexed"; }

  void encode(ByteWriter& out) const;
  static Reindexed decode(ByteReader& in);
};

}  // namespace kist
