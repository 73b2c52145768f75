// Act 2, snapshot taken: names the two objects of a snapshot, and introduces the index segments and
// key segments that it needs and the journal did not have. docs/format.md, "Journal".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/id.h"
#include "engine/format/acts/policy.h"

namespace kist {

// One index segment: its blocks are numbered first_number, first_number + 1, …
struct SegmentIntroduction {
  ObjectHash index_segment;
  std::uint64_t first_number = 0;
  std::uint32_t block_count = 0;
  bool operator==(const SegmentIntroduction&) const = default;
};

struct SnapshotTaken {
  static constexpr std::uint16_t number = 2;

  SnapshotId snapshot;
  bool is_pending = false;  // taken of a backup that was still running
  SnapshotId replaces;      // the pending snapshot that this one continues; zero for none
  std::string source;
  std::string policy;
  // These three as the policy in force says; none for a pending one.
  std::uint64_t minimum_seconds = 0;
  std::uint64_t maximum_seconds = 0;
  LockMode lock = LockMode::governance;
  std::int64_t started_ms = 0;  // the time that the snapshot is of; not after its entry's
  bool is_partial = false;      // something could not be read as it was
  bool is_suspicious = false;   // its maker has found it unlike those before
  ObjectHash body;
  ObjectHash reference_set;
  std::vector<SegmentIntroduction> segments;
  std::vector<ObjectHash> key_segments;
  bool operator==(const SnapshotTaken&) const = default;

  [[nodiscard]] std::string name() const { return is_pending ? "pending" : "snapshot"; }

  void encode(ByteWriter& out) const;
  static SnapshotTaken decode(ByteReader& in);
};

}  // namespace kist
