// Act 30, clock reset: an owner takes back times of the future. From this entry on, what earlier
// entries have reached counts as at most this entry's own time. docs/format.md, "Journal".
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/bytes.h"

namespace kist {

struct ClockReset {
  static constexpr std::uint16_t number = 30;

  std::string reason;
  bool operator==(const ClockReset&) const = default;

  static std::string name() { return "clock reset"; }

  void encode(ByteWriter& out) const;
  static ClockReset decode(ByteReader& in);
};

}  // namespace kist
