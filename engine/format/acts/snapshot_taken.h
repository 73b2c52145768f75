// Act 2, snapshot taken: names the two objects of a snapshot, reserves numbers for the blocks that
// it needs and the journal did not have, and introduces the index segments that list them and the
// key segments that open them. docs/format.md, "Journal", "Block numbers".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/id.h"
#include "engine/format/acts/policy.h"
#include "engine/format/pack.h"

namespace kist {

// The numbers that an entry reserves for its blocks: first those of its data blocks, then those of
// its meta blocks. A block's number is the first of its stream plus its ordinal there. Numbers that
// no block has are nobody's, for good.
// Example: {first 1000, data 128, meta 64}: data block 2 is 1002, meta block 0 is 1128.
struct EntryNumbers {
  std::uint64_t first_number = 0;
  std::uint32_t data = 0;
  std::uint32_t meta = 0;
  bool operator==(const EntryNumbers&) const = default;

  [[nodiscard]] std::uint64_t count() const { return std::uint64_t{data} + meta; }

  [[nodiscard]] std::uint32_t count_of(PackKind stream) const {
    return stream == PackKind::data ? data : meta;
  }

  [[nodiscard]] std::uint64_t first_of(PackKind stream) const {
    return stream == PackKind::data ? first_number : first_number + data;
  }
};

// How many numbers to reserve for that many blocks of a stream, so that the journal, which is kept
// for good, tells little of how many there were: a multiple of 64, and of those a Padmé size.
// Example: 0 is 0, 1 and 64 are 64, 1,025 is 1,088, 100,000 is 100,352.
std::uint64_t reserved_count(std::uint64_t blocks);

// One index segment. Which ordinals of the stream its blocks have, it says itself.
struct SegmentIntroduction {
  ObjectHash index_segment;
  PackKind stream = PackKind::data;
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
  EntryNumbers numbers;
  std::vector<SegmentIntroduction> segments;  // those of a stream by ascending ordinals
  std::vector<ObjectHash> key_segments;
  bool operator==(const SnapshotTaken&) const = default;

  [[nodiscard]] std::string name() const { return is_pending ? "pending" : "snapshot"; }

  void encode(ByteWriter& out) const;
  static SnapshotTaken decode(ByteReader& in);
};

}  // namespace kist
