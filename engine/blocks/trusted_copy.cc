#include "engine/blocks/trusted_copy.h"

#include <algorithm>

namespace kist {

std::optional<BlockLocation> find_trusted(const BlockIndex::Reader& index,
                                          const TrustedNumbers& trusted,
                                          const BlockTag& tag,
                                          const std::function<bool(const BlockLocation&)>& serves) {
  std::optional<BlockLocation> copy = index.find(tag);
  while (copy) {
    const std::uint64_t next = trusted.next(copy->number);
    if (next == copy->number && serves(*copy)) return copy;
    copy = index.find(tag, std::max(next, copy->number + 1));
  }
  return copy;
}

}  // namespace kist
