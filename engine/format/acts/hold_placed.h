// Act 24, hold placed: what it covers is not retired and does not end, whatever a policy says,
// until an owner lifts it. docs/format.md, "Retention".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/id.h"

namespace kist {

// What a hold covers: snapshots, or all that ever comes of some sources. Where both lists are
// empty: the whole repository.
struct HoldParts {
  std::vector<SnapshotId> snapshots;  // ascending
  std::vector<std::string> sources;   // ascending
  bool operator==(const HoldParts&) const = default;

  [[nodiscard]] bool is_whole() const { return snapshots.empty() && sources.empty(); }

  void encode(ByteWriter& out) const;
  static HoldParts decode(ByteReader& in);
};

struct HoldPlaced {
  static constexpr std::uint16_t number = 24;

  std::string matter;  // a case number: every slot can read it
  std::string reason;
  HoldParts parts;
  bool operator==(const HoldPlaced&) const = default;

  static std::string name() { return "hold placed"; }

  void encode(ByteWriter& out) const;
  static HoldPlaced decode(ByteReader& in);
};

}  // namespace kist
