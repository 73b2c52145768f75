// How a slot enters the journal: the first owner's in genesis, every other slot's in `slot added`.
// Pure layout; which introductions hold is rules/acts/. docs/format.md, "Journal".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/id.h"
#include "engine/format/slot.h"

namespace kist {

// What a slot may do. Bits, so that a set of them is one number.
enum Capability : std::uint8_t {
  can_write = 1,
  can_read = 2,
  can_audit = 4,
  can_maintain = 8,
  can_own = 16,
};

using Capabilities = std::uint8_t;
inline constexpr Capabilities writer_capabilities = can_write;
inline constexpr Capabilities reader_capabilities = can_read;
inline constexpr Capabilities auditor_capabilities = can_audit;
inline constexpr Capabilities operator_capabilities =
    can_write | can_read | can_audit | can_maintain;
inline constexpr Capabilities owner_capabilities = operator_capabilities | can_own;

struct SlotIntroduction {
  SlotId slot;
  SlotKind kind = SlotKind::passphrase;
  Capabilities capabilities = 0;
  std::string name;
  SigningPublicKey signing_key;
  BoxPublicKey box_key;
  ObjectHash grant;      // of the grant object
  ObjectHash epoch_box;  // of the slot's box of the current epoch
  // Of generation 1. Zero in genesis, because that object holds the hash of the genesis entry; zero
  // for a recipient, because a recipient makes its slot object itself.
  ObjectHash slot_object;
  std::vector<std::string> sources;  // bound to the slot from the start; usually none
  bool operator==(const SlotIntroduction&) const = default;

  void encode(ByteWriter& out) const;
  static SlotIntroduction decode(ByteReader& in);
};

// Refuses an unknown kind.
SlotKind take_slot_kind(ByteReader& in);

}  // namespace kist
