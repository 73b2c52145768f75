// Act 23, snapshots unretired: they count again as they did before they were retired.
// docs/format.md, "Retention".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/id.h"

namespace kist {

struct SnapshotsUnretired {
  static constexpr std::uint16_t number = 23;

  std::vector<SnapshotId> snapshots;  // ascending
  std::int64_t keep_until_ms = 0;     // no rule retires them before
  std::string reason;
  bool operator==(const SnapshotsUnretired&) const = default;

  static std::string name() { return "unretired"; }

  void encode(ByteWriter& out) const;
  static SnapshotsUnretired decode(ByteReader& in);
};

}  // namespace kist
