// Act 6, state remade: a client's first entry in an epoch after the first. It states that this
// machine keeps nothing of former epochs. docs/format.md, "Journal".
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/bytes.h"
#include "engine/base/id.h"

namespace kist {

struct StateRemade {
  static constexpr std::uint16_t number = 6;

  ClientId client;
  bool operator==(const StateRemade&) const = default;

  static std::string name() { return "state remade"; }

  void encode(ByteWriter& out) const;
  static StateRemade decode(ByteReader& in);
};

}  // namespace kist
