// Act 28, incident opened: the author has met packs that are missing or damaged, and may not
// condemn them. It tells people, and changes no trust. docs/format.md, "Condemned packs".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/id.h"

namespace kist {

struct IncidentOpened {
  static constexpr std::uint16_t number = 28;

  std::vector<ObjectHash> packs;  // ascending
  bool operator==(const IncidentOpened&) const = default;

  static std::string name() { return "incident opened"; }

  void encode(ByteWriter& out) const;
  static IncidentOpened decode(ByteReader& in);
};

}  // namespace kist
