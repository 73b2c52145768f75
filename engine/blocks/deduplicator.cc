#include "engine/blocks/deduplicator.h"

#include <algorithm>
#include <utility>

#include "engine/blocks/trusted_copy.h"
#include "engine/crypto/hash.h"

namespace kist {

namespace {

// With the rule Trust::all, a slot that was taken over may have stored a block any number of times.
constexpr std::size_t copies_max = 64;

}  // namespace

void Deduplicator::look_at(StoredBlocks stored) {
  index_.emplace(stored.index);
  trusted_ = std::move(stored.trusted);
  first_number_ = stored.first_number;
  ask_ = std::move(stored.may_rely_on);
  packs_.assign(ask_ ? index_->packs_end() : 0, Reliance::unknown);
}

bool Deduplicator::may_rely_on(std::uint32_t pack) {
  if (!ask_) return true;
  Reliance& known = packs_.at(pack);
  if (known == Reliance::unknown) {
    known = ask_(index_->pack(pack)) ? Reliance::yes : Reliance::no;
  }
  return known == Reliance::yes;
}

// Nearly all blocks have one or two copies, which one pass over the index yields. Where there are
// many, those that are not trusted are skipped range by range.
void Deduplicator::collect_copies(const BlockTag& tag) {
  copies_.clear();
  std::size_t seen_count = 0;
  index_->for_each_copy(tag, [&](const BlockLocation& copy) {
    const bool counts = copy.number >= first_number_ && trusted_.contains(copy.number);
    if (counts) copies_.push_back(copy);
    return ++seen_count < copies_max;
  });
  if (seen_count < copies_max) return;
  copies_.clear();
  static_cast<void>(find_trusted(*index_, trusted_, tag, [&](const BlockLocation& copy) {
    if (copy.number < first_number_) return false;
    if (copies_.size() == copies_max) copies_.erase(copies_.begin());  // the newest are relied on
    copies_.push_back(copy);
    return false;
  }));
}

std::optional<std::uint64_t> Deduplicator::find_stored(const BlockId& id) {
  KIST_ENSURE(index_.has_value());
  collect_copies(tag_of(id));
  const auto copy = std::find_if(copies_.rbegin(), copies_.rend(),
                                 [&](const BlockLocation& each) { return may_rely_on(each.pack); });
  if (copy != copies_.rend()) return copy->number;
  if (!copies_.empty()) ++stored_again_;
  return std::nullopt;
}

std::optional<ReferenceRun> Deduplicator::find(const BlockId& id) {
  if (const auto own = run_.find(id)) {
    return ReferenceRun{own->is_meta ? NumberBase::new_meta : NumberBase::new_data, own->ordinal};
  }
  if (const auto stored = find_stored(id)) return ReferenceRun{NumberBase::absolute, *stored};
  return std::nullopt;
}

ReferenceRun Deduplicator::add(PackKind kind, const BlockId& id) {
  const bool is_meta = kind == PackKind::meta;
  const std::uint64_t ordinal = is_meta ? new_.meta++ : new_.data++;
  run_.insert(id, {is_meta, ordinal});
  return {is_meta ? NumberBase::new_meta : NumberBase::new_data, ordinal};
}

void Deduplicator::begin_next_entry(StoredBlocks stored) {
  run_ = {};
  new_ = {};
  look_at(std::move(stored));
}

}  // namespace kist
