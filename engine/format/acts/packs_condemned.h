// Act 13, condemn damaged: the author has found these packs missing or damaged. Nobody relies on
// them from here on; who restores still tries them. docs/format.md, "Condemned packs".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/id.h"

namespace kist {

struct PacksCondemned {
  static constexpr std::uint16_t number = 13;

  std::vector<ObjectHash> packs;  // ascending
  bool operator==(const PacksCondemned&) const = default;

  static std::string name() { return "packs condemned"; }

  void encode(ByteWriter& out) const;
  static PacksCondemned decode(ByteReader& in);
};

}  // namespace kist
