// Index segments are replaced by others, whole ones by whole ones, in one journal entry. Each
// number of a block stays in exactly one segment that counts. docs/format.md, "Index segments".
#pragma once

#include <vector>

#include "engine/format/acts/reindexed.h"
#include "engine/format/index.h"
#include "engine/repository/repository.h"

namespace kist {

// What of a current segment its replacement goes by.
struct NumberedSegment {
  ReplacedSegment former;
  IndexSegment segment;  // a rewritten one, with the numbers of its blocks
};

struct Reindexing {
  std::vector<ReplacedSegment> replaced;
  std::vector<IndexSegment> segments;  // rewritten ones, that list what is left of the former
  std::vector<NamedKey> packs{};       // that the entry introduces, with their keys
};

// Stores the new segments, reads them back, and commits the entry. Error{conflict} where a segment
// does not count any more, or a new epoch has begun.
void commit_reindexing(Repository& repository, const Reindexing& reindexing);

// The numbers of `count` blocks of a frame, as the index has them. Error{corrupt} where it has
// another count of blocks.
BlockNumbers numbers_of_frame(const BlockIndex::Reader& index,
                              std::uint32_t pack,
                              std::uint32_t frame,
                              std::size_t count);

// A segment that counts, without the packs that it claims in vain.
NumberedSegment get_numbered_segment(const Repository& repository,
                                     const BlockIndex::Reader& index,
                                     const ObjectHash& hash);

}  // namespace kist
