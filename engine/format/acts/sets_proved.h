// Act 17, sets proved: the author has compared reference sets with their snapshots' manifests.
// Those that equal them stay; one that does not is replaced by a set that does.
// docs/format.md, "Reference sets".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/id.h"

namespace kist {

// A snapshot's set, as the author has judged it.
struct JudgedSet {
  SnapshotId snapshot;
  ObjectHash set;
  bool operator==(const JudgedSet&) const = default;
};

struct ReplacedSet {
  JudgedSet judged;
  ObjectHash replacement;
  bool operator==(const ReplacedSet&) const = default;
};

struct SetsProved {
  static constexpr std::uint16_t number = 17;

  std::vector<JudgedSet> equal;          // ascending by snapshot
  std::vector<ReplacedSet> replaced;     // likewise
  std::vector<ObjectHash> key_segments;  // one, with the keys of those that replace others, or none
  bool operator==(const SetsProved&) const = default;

  static std::string name() { return "sets proved"; }

  void encode(ByteWriter& out) const;
  static SetsProved decode(ByteReader& in);
};

}  // namespace kist
