// Act 19, policy assigned: the policy that a source's snapshots are taken under, or those of all
// sources of a slot that have none of their own. docs/format.md, "Retention".
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "engine/base/bytes.h"
#include "engine/base/id.h"

namespace kist {

struct PolicyAssigned {
  static constexpr std::uint16_t number = 19;

  std::variant<std::string, SlotId> subject;  // a source's name, or a slot
  std::string policy;                         // empty: none of its own
  std::string reason;                         // needed where it is weaker than before
  bool operator==(const PolicyAssigned&) const = default;

  static std::string name() { return "policy assigned"; }

  void encode(ByteWriter& out) const;
  static PolicyAssigned decode(ByteReader& in);
};

}  // namespace kist
