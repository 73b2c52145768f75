// What a collection does with each pack: a pure function of the block index and the numbers that
// are live. docs/format.md, "What ends".
//
//   all of its numbers are dead       it goes
//   some are                          it goes once its live blocks are stored again, where that
//   pays none is, and it is small          it is merged with others, where these fill a pack else
//   it stays
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "engine/catalog/block_index.h"
#include "engine/format/number_set.h"

namespace kist {

struct CollectionLimits {
  std::set<std::uint32_t> unreadable{};  // packs that are not stored again
  // Of the bytes of packs that stay, how many may be of dead blocks.
  unsigned unused_percent = 4;
  std::uint64_t write_bytes_max = UINT64_MAX;  // of packs that are stored again
};

// By the index's own numbers of packs; each pack is in at most one of the lists.
struct CollectionPlan {
  std::set<std::uint32_t> dead;
  std::set<std::uint32_t> rewritten;
  std::set<std::uint32_t> unreadable;  // as the limits say
  std::uint64_t pack_count = 0;        // all that there are
  std::uint64_t total_bytes = 0;       // of these
  std::uint64_t live_bytes = 0;        // about: of live blocks, by the mean of each pack
  std::uint64_t dead_bytes = 0;        // of dead packs
  std::uint64_t rewritten_bytes = 0;   // of rewritten packs
  std::uint64_t written_bytes = 0;     // about: that are written in their place
  std::uint64_t unused_bytes = 0;      // about: of dead blocks that stay
  bool merges_segments = true;         // small ones, where there are many

  [[nodiscard]] std::uint64_t freed_bytes() const {
    const std::uint64_t going = dead_bytes + rewritten_bytes;
    return going - std::min(going, written_bytes);
  }
};

// How many live numbers each pack lists, by the index's own numbers of packs.
[[nodiscard]] std::map<std::uint32_t, std::uint64_t> counts_of_live(const BlockIndex::Reader& index,
                                                                    NumberSet live);

[[nodiscard]] CollectionPlan plan_collection(const BlockIndex::Reader& index,
                                             const NumberSet& live,
                                             const CollectionLimits& limits);

}  // namespace kist
