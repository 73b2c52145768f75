// Act 12: index segments that are lost for good do not count any more, and neither do copies of
// them that turn up later. The numbers that they had are nobody's. docs/format.md, "Index
// segments".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/id.h"

namespace kist {

struct SegmentsGivenUp {
  static constexpr std::uint16_t number = 12;

  std::vector<ObjectHash> segments;  // ascending
  bool operator==(const SegmentsGivenUp&) const = default;

  static std::string name() { return "index segments given up"; }

  void encode(ByteWriter& out) const;
  static SegmentsGivenUp decode(ByteReader& in);
};

}  // namespace kist
