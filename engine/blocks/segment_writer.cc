#include "engine/blocks/segment_writer.h"

#include <algorithm>
#include <utility>

namespace kist {

void SegmentWriter::write(PackKind kind, std::vector<StoredPack> packs) {
  if (packs.empty()) return;
  store_.barrier();
  std::uint64_t& listed = kind == PackKind::data ? listed_.data : listed_.meta;
  IndexSegment segment;
  segment.first_ordinal = narrow<std::uint32_t>(listed);
  for (StoredPack& pack : packs) {
    NamedKey& key = pack_keys_.emplace_back();
    key.hash = pack.indexed.hash;
    std::ranges::copy(pack.key.view(), key.key.begin());
    segment.packs.push_back(std::move(pack.indexed));
  }
  const StoredObject stored = put_index_segment(store_, author_, segment);
  stored_bytes_ += stored.stored_bytes;
  segment_keys_.push_back(stored.key);
  introductions_.push_back({.index_segment = stored.key.hash, .stream = kind});
  listed += segment.block_count();
}

void SegmentWriter::begin_next_entry() {
  introductions_.clear();
  listed_ = {};
  segment_keys_.clear();
  pack_keys_.clear();
}

}  // namespace kist
