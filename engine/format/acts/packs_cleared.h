// Act 16, clear: these packs, which were condemned, are whole. docs/format.md, "Condemned packs".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/id.h"

namespace kist {

struct PacksCleared {
  static constexpr std::uint16_t number = 16;

  std::vector<ObjectHash> packs;  // ascending
  bool operator==(const PacksCleared&) const = default;

  static std::string name() { return "packs cleared"; }

  void encode(ByteWriter& out) const;
  static PacksCleared decode(ByteReader& in);
};

}  // namespace kist
