#include "engine/blocks/reference_set_builder.h"

namespace kist {

void ReferenceSetBuilder::add(const ReferenceRun& run) {
  switch (run.base) {
    case NumberBase::absolute:
      return absolute_.add_range(run.first, run.count);
    case NumberBase::new_data:
      return new_data_.add_range(run.first, run.count);
    case NumberBase::new_meta:
      return new_meta_.add_range(run.first, run.count);
  }
}

ReferenceSet ReferenceSetBuilder::build(const NewBlockCounts& counts,
                                        const SnapshotStatistics& statistics,
                                        const PendingParts* pending) const {
  ReferenceSet set;
  set.statistics = statistics;
  set.absolute = absolute_;
  set.relative = new_data_;
  const std::uint64_t first_meta = numbers_for(counts).first_of(PackKind::meta);
  new_meta_.for_each([&](std::uint64_t ordinal) { set.relative.add(first_meta + ordinal); });
  if (pending == nullptr) return set;
  set.relative.add_range(0, counts.data);
  set.relative.add_range(first_meta, counts.meta);
  if (pending->adopted != nullptr) set.absolute.unite(*pending->adopted);
  for (const ReferenceRun& run : pending->unfinished) {
    // The others are new, and all new blocks are in the set already.
    if (run.base == NumberBase::absolute) set.absolute.add_range(run.first, run.count);
  }
  return set;
}

void ReferenceSetBuilder::begin_next_entry(const EntryNumbers& numbers) {
  const auto move_up = [&](NumberSet& ordinals, std::uint64_t first) {
    ordinals.for_each([&](std::uint64_t ordinal) { absolute_.add(first + ordinal); });
    ordinals = {};
  };
  move_up(new_data_, numbers.first_of(PackKind::data));
  move_up(new_meta_, numbers.first_of(PackKind::meta));
}

}  // namespace kist
