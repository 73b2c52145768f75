// Act 18, policy set: a policy as it is to be from here on, a new one or in the place of the one of
// that name. One that weakens what compliance promises, or begins compliance, is a proposal.
// docs/format.md, "Retention".
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/bytes.h"
#include "engine/format/acts/policy.h"

namespace kist {

struct PolicySet {
  static constexpr std::uint16_t number = 18;

  Policy policy;
  std::string reason;  // needed where it is weaker than before
  bool operator==(const PolicySet&) const = default;

  static std::string name() { return "policy set"; }

  void encode(ByteWriter& out) const;
  static PolicySet decode(ByteReader& in);
};

}  // namespace kist
