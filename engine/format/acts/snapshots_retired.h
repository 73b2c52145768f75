// Act 21, snapshots retired: they can be restored until their grace is over; then their blocks may
// end. docs/format.md, "Retention".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/id.h"

namespace kist {

enum class RetireCause : std::uint8_t {
  rule = 1,     // no rule of its policy keeps it
  maximum = 2,  // its maximum has passed
  by_hand = 3,
  junk = 4,  // it is not what it should be: an owner has said so
};

struct RetiredSnapshot {
  SnapshotId snapshot;
  RetireCause cause = RetireCause::rule;
  bool operator==(const RetiredSnapshot&) const = default;
};

struct SnapshotsRetired {
  static constexpr std::uint16_t number = 21;

  std::vector<RetiredSnapshot> snapshots;  // ascending
  std::int64_t planned_ms = 0;             // the time that the plan was made for
  std::string reason;
  bool operator==(const SnapshotsRetired&) const = default;

  static std::string name() { return "retired"; }

  void encode(ByteWriter& out) const;
  static SnapshotsRetired decode(ByteReader& in);
};

// A cause as acts and the catalog's record write it.
RetireCause take_retire_cause(ByteReader& in);

}  // namespace kist
