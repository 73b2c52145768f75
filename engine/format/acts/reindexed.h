// Act 11, reindex: whole index segments are replaced by others, which list the same packs or better
// copies of their blocks, under the same numbers. docs/format.md, "Index segments".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/id.h"

namespace kist {

struct Reindexed {
  static constexpr std::uint16_t number = 11;

  std::vector<ObjectHash> replaced;      // index segments, ascending
  std::vector<ObjectHash> segments;      // that replace them together
  std::vector<ObjectHash> key_segments;  // with the keys of `segments`
  bool operator==(const Reindexed&) const = default;

  static std::string name() { return "reindexed"; }

  void encode(ByteWriter& out) const;
  static Reindexed decode(ByteReader& in);
};

}  // namespace kist
