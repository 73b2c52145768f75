// Act 39, policy removed: nothing is taken under it any more. docs/format.md, "Retention".
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/bytes.h"

namespace kist {

struct PolicyRemoved {
  static constexpr std::uint16_t number = 39;

  std::string policy;
  std::string reason;
  bool operator==(const PolicyRemoved&) const = default;

  static std::string name() { return "policy removed"; }

  void encode(ByteWriter& out) const;
  static PolicyRemoved decode(ByteReader& in);
};

}  // namespace kist
