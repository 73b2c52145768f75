#include "engine/blocks/segment_writer.h"

#include <algorithm>
#include <utility>

namespace kist {

void SegmentWriter::write(PackKind kind, std::vector<StoredPack> packs) {
  if (packs.empty()) return;
  store_.barrier();
  IndexSegment segment;
  for (StoredPack& pack : packs) {
    NamedKey& key = pack_keys_.emplace_back();
    key.hash = pack.indexed.hash;
    std::ranges::copy(pack.key.view(), key.key.begin());
    segment.packs.push_back(std::move(pack.indexed));
  }
  const StoredObject stored = put_index_segment(store_, author_, segment);
  stored_bytes_ += stored.stored_bytes;
  segment_keys_.push_back(stored.key);
  std::vector<SegmentIntroduction>& of_kind =
      kind == PackKind::data ? data_segments_ : meta_segments_;
  of_kind.push_back({.index_segment = stored.key.hash,
                     .first_number = 0,
                     .block_count = narrow<std::uint32_t>(segment.block_count())});
}

std::vector<SegmentIntroduction> SegmentWriter::introductions() const {
  std::vector<SegmentIntroduction> out = data_segments_;
  out.insert(out.end(), meta_segments_.begin(), meta_segments_.end());
  std::uint64_t next = 0;
  for (SegmentIntroduction& segment : out) {
    segment.first_number = next;
    next += segment.block_count;
  }
  return out;
}

void SegmentWriter::begin_next_entry() {
  data_segments_.clear();
  meta_segments_.clear();
  segment_keys_.clear();
  pack_keys_.clear();
}

}  // namespace kist
