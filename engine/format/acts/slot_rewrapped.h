// Act 4, slot rewrapped: the author's slot has a new slot object, say under another passphrase.
// Its keys stay the same. docs/format.md, "Journal".
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/bytes.h"
#include "engine/base/id.h"
#include "engine/format/slot.h"

namespace kist {

struct SlotRewrapped {
  static constexpr std::uint16_t number = 4;

  std::uint32_t generation = 0;
  SlotKind kind = SlotKind::passphrase;
  ObjectHash slot_object;
  bool operator==(const SlotRewrapped&) const = default;

  static std::string name() { return "slot rewrapped"; }

  void encode(ByteWriter& out) const;
  static SlotRewrapped decode(ByteReader& in);
};

}  // namespace kist
