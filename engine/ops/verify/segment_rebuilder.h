// Index segments that are in no copy, made anew from the packs that they listed. Which packs these
// are, this machine's index says if it had loaded the segments, else the entry's key segments; what
// is in a pack, its directory and the lists of its frames.
// docs/format.md, "Index segments".
#pragma once

#include <cstdint>
#include <set>

#include "engine/repository/reindex.h"

namespace kist {

// Segments of one entry.
struct LostSegments {
  std::uint64_t sequence = 0;
  std::set<ObjectHash> segments;
};

// What replaces them. Error{corrupt} or Error{missing} where what they listed, or under which
// numbers, cannot be known. Asks for `read`.
Reindexing rebuild(Repository& repository, const LostSegments& lost);
// The same of one of them, by what this machine's index knows alone. If it `drops` packs, those
// that are damaged or missing are left out: what they held is lost.
Reindexing rebuild_known(Repository& repository, const ObjectHash& segment, bool drops);

}  // namespace kist
