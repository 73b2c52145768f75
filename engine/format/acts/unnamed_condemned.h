// Act 15: objects that no entry names, such as what a backup has left that was cut off. Whoever has
// put one of them and is still at work names it at once; else an epoch's end may remove it.
// docs/format.md, "What ends".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/id.h"

namespace kist {

struct UnnamedCondemned {
  static constexpr std::uint16_t number = 15;

  std::vector<ObjectHash> names;  // ascending; those of a former act that are not named stand no
                                  // longer condemned
  bool operator==(const UnnamedCondemned&) const = default;

  static std::string name() { return "unnamed condemned"; }

  void encode(ByteWriter& out) const;
  static UnnamedCondemned decode(ByteReader& in);
};

}  // namespace kist
