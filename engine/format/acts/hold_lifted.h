// Act 25, hold lifted: a hold, or parts of it, covers no more. docs/format.md, "Retention".
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/bytes.h"
#include "engine/format/acts/hold_placed.h"

namespace kist {

struct HoldLifted {
  static constexpr std::uint16_t number = 25;

  std::string matter;
  std::string reason;
  HoldParts parts;  // none: all that it covers
  bool operator==(const HoldLifted&) const = default;

  static std::string name() { return "hold lifted"; }

  void encode(ByteWriter& out) const;
  static HoldLifted decode(ByteReader& in);
};

}  // namespace kist
