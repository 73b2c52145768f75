// Act 33, proposal cancelled: it does not come into force. docs/format.md, "Retention".
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/bytes.h"

namespace kist {

struct ProposalCancelled {
  static constexpr std::uint16_t number = 33;

  std::uint64_t sequence = 0;  // of the entry that proposed it
  std::string reason;
  bool operator==(const ProposalCancelled&) const = default;

  static std::string name() { return "proposal cancelled"; }

  void encode(ByteWriter& out) const;
  static ProposalCancelled decode(ByteReader& in);
};

}  // namespace kist
