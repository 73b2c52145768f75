// Act 14: index segments of which nothing is needed any more. Nobody relies on what they list from
// then on, and an epoch's end may end them. docs/format.md, "What ends".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/id.h"

namespace kist {

struct DeadCondemned {
  static constexpr std::uint16_t number = 14;

  std::vector<ObjectHash> segments;  // ascending; those of a former act that are not named stand no
                                     // longer condemned
  bool operator==(const DeadCondemned&) const = default;

  static std::string name() { return "dead condemned"; }

  void encode(ByteWriter& out) const;
  static DeadCondemned decode(ByteReader& in);
};

}  // namespace kist
