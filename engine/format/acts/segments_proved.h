// Act 8, segments proved: the author has opened every frame of these index segments and found each
// block to be what the segment says, in an index without unloaded entries. docs/format.md,
// "Journal".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/id.h"

namespace kist {

struct SegmentsProved {
  static constexpr std::uint16_t number = 8;

  std::vector<ObjectHash> segments;
  bool operator==(const SegmentsProved&) const = default;

  static std::string name() { return "proved"; }

  void encode(ByteWriter& out) const;
  static SegmentsProved decode(ByteReader& in);
};

}  // namespace kist
