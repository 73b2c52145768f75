// Act 9, features required: whoever follows the journal past this entry must know these features,
// or stop. So an owner can begin to use what older clients would misread. docs/format.md,
// "Journal", "Features".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/bytes.h"

namespace kist {

struct FeaturesRequired {
  static constexpr std::uint16_t number = 9;

  std::vector<std::string> features;  // ascending
  bool operator==(const FeaturesRequired&) const = default;

  static std::string name() { return "features required"; }

  void encode(ByteWriter& out) const;
  static FeaturesRequired decode(ByteReader& in);
};

}  // namespace kist
