// Act 22, minimums shortened: snapshots that exist need not be kept as long as they had to be.
// docs/format.md, "Retention".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/id.h"

namespace kist {

struct MinimumsShortened {
  static constexpr std::uint16_t number = 22;

  std::vector<SnapshotId> snapshots;  // ascending
  std::uint64_t minimum_seconds = 0;
  std::string reason;
  bool operator==(const MinimumsShortened&) const = default;

  static std::string name() { return "minimum shortened"; }

  void encode(ByteWriter& out) const;
  static MinimumsShortened decode(ByteReader& in);
};

}  // namespace kist
