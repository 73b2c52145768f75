#include "engine/blocks/snapshot_numbers.h"

#include "engine/base/attempt.h"
#include "engine/blocks/snapshot_inspector.h"

namespace kist {

namespace {

constexpr std::size_t kept_at_once = 256;

NumberSet read_numbers(SnapshotOpener& opener, const SnapshotState& snapshot) {
  const ReferenceSet set = opener.reference_set(snapshot);
  require_in_range(opener.journal().state(), snapshot, set);
  return numbers_of_set(set, snapshot.taken);
}

}  // namespace

NumberSet numbers_of_set(const ReferenceSet& set, const SnapshotTaken& taken) {
  const std::uint64_t base = taken.numbers.first_number;
  NumberSet out = set.absolute;
  set.relative.for_each([&](std::uint64_t ordinal) { out.add(base + ordinal); });
  return out;
}

NumberSet numbers_of_snapshot(const Journal& journal, const SnapshotState& snapshot) {
  SnapshotOpener opener(journal);
  return read_numbers(opener, snapshot);
}

SnapshotNumbers::SnapshotNumbers(Blocks& blocks)
    : index_(blocks.index()), reader_(index_), journal_(blocks.journal()), opener_(journal_) {}

std::optional<NumberSet> SnapshotNumbers::of(const SnapshotState& snapshot) {
  check_cancelled(journal_.observer());
  const SnapshotSet key{snapshot.taken.snapshot, snapshot.set.hash};
  if (const auto kept = reader_.set(key)) return NumberSet::decode(*kept, "index record");
  std::optional<NumberSet> out;
  const auto damage = damage_of([&] { out = read_numbers(opener_, snapshot); });
  if (damage) return std::nullopt;
  read_.emplace_back(key, out->encode());
  if (read_.size() >= kept_at_once) keep();
  return out;
}

void SnapshotNumbers::keep() {
  if (!read_.empty()) index_.put_sets(read_);
  read_.clear();
}

}  // namespace kist
