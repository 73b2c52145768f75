#include "engine/blocks/deduplicator.h"

#include <utility>

#include "engine/blocks/trusted_copy.h"
#include "engine/crypto/hash.h"

namespace kist {

void Deduplicator::look_at(StoredBlocks stored) {
  index_.emplace(stored.index);
  trusted_ = std::move(stored.trusted);
  damaged_packs_.clear();
  if (stored.damaged_packs.empty()) return;
  for (std::uint32_t pack = 0; pack < index_->pack_count(); ++pack) {
    if (stored.damaged_packs.contains(index_->pack(pack).hash)) damaged_packs_.insert(pack);
  }
}

std::optional<std::uint64_t> Deduplicator::find_stored(const BlockId& id) const {
  KIST_ENSURE(index_.has_value());
  const auto is_whole = [&](const BlockLocation& copy) {
    return !damaged_packs_.contains(copy.pack);
  };
  const auto copy = find_trusted(*index_, trusted_, tag_of(id), is_whole);
  return copy ? std::optional(copy->number) : std::nullopt;
}

std::optional<ReferenceRun> Deduplicator::find(const BlockId& id) const {
  if (const auto own = run_.find(id)) {
    return ReferenceRun{own->is_meta ? NumberBase::new_meta : NumberBase::new_data, own->ordinal};
  }
  if (const auto stored = find_stored(id)) return ReferenceRun{NumberBase::absolute, *stored};
  return std::nullopt;
}

ReferenceRun Deduplicator::add(PackKind kind, const BlockId& id) {
  const bool is_meta = kind == PackKind::meta;
  const std::uint64_t ordinal = is_meta ? new_meta_++ : new_data_++;
  run_.insert(id, {is_meta, ordinal});
  return {is_meta ? NumberBase::new_meta : NumberBase::new_data, ordinal};
}

void Deduplicator::begin_next_entry(StoredBlocks stored) {
  run_ = {};
  new_data_ = 0;
  new_meta_ = 0;
  look_at(std::move(stored));
}

}  // namespace kist
