// Act 26, ceiling set: the longest minimum that a policy may have. docs/format.md, "Retention".
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/bytes.h"

namespace kist {

struct CeilingSet {
  static constexpr std::uint16_t number = 26;

  std::uint64_t seconds = 0;
  std::string reason;
  bool operator==(const CeilingSet&) const = default;

  static std::string name() { return "ceiling set"; }

  void encode(ByteWriter& out) const;
  static CeilingSet decode(ByteReader& in);
};

}  // namespace kist
