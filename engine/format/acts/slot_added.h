// Act 3, slot added: an owner lets another slot in. docs/format.md, "Journal".
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/bytes.h"
#include "engine/format/acts/slot_introduction.h"

namespace kist {

struct SlotAdded {
  static constexpr std::uint16_t number = 3;

  SlotIntroduction slot;
  bool operator==(const SlotAdded&) const = default;

  static std::string name() { return "slot added"; }

  void encode(ByteWriter& out) const;
  static SlotAdded decode(ByteReader& in);
};

}  // namespace kist
