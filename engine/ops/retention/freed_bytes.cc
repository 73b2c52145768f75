#include "engine/ops/retention/freed_bytes.h"

#include "engine/blocks/pack_ranges.h"
#include "engine/blocks/snapshot_numbers.h"

namespace kist {

namespace {

bool intersects(NumberSet numbers, const NumberSet& others) {
  numbers.intersect(others);
  return !numbers.empty();
}

// All numbers that nobody can rely on.
NumberSet lost_numbers(const State& state, const BlockIndex::Reader& index) {
  std::vector<std::uint32_t> packs;
  for (const ObjectHash& hash : state.condemned_packs()) {
    if (const auto pack = index.find_pack(hash)) packs.push_back(*pack);
  }
  NumberSet out;
  const auto add = [&](const NumberRange& range) {
    const std::uint64_t end = std::min(range.end, state.next_number);
    if (range.first < end) out.add_range(range.first, end - range.first);
  };
  for (const NumberRange& range : find_given_up_numbers(state, index)) {
    add(range);
  }
  if (packs.empty()) return out;
  for (const NumberRange& range : PackRanges(index).ranges_of(packs)) {
    add(range);
  }
  return out;
}

}  // namespace

std::set<SnapshotId> find_hurt(const Repository& repository) {
  const State& state = repository.state();
  std::set<SnapshotId> out;
  SnapshotNumbers numbers(repository.blocks());
  const NumberSet lost = lost_numbers(state, numbers.index());
  for (const SnapshotPtr& snapshot : state.live_snapshots()) {
    if (snapshot->is_retired()) continue;
    const std::optional<NumberSet> its = numbers.of(*snapshot);
    if (!its || intersects(*its, lost)) out.insert(snapshot->taken.snapshot);
  }
  numbers.keep();
  return out;
}

std::optional<std::uint64_t> estimate_freed_bytes(const Repository& repository,
                                                  const std::vector<RetiredSnapshot>& retired) {
  std::set<SnapshotId> going;
  for (const RetiredSnapshot& each : retired) {
    going.insert(each.snapshot);
  }
  SnapshotNumbers numbers(repository.blocks());
  NumberSet kept;
  NumberSet freed;
  for (const SnapshotPtr& snapshot : repository.state().live_snapshots()) {
    const bool goes = going.contains(snapshot->taken.snapshot);
    if (!goes && snapshot->is_retired()) continue;
    const std::optional<NumberSet> its = numbers.of(*snapshot);
    if (!its && !goes) return std::nullopt;
    if (its) (goes ? freed : kept).unite(*its);
  }
  numbers.keep();
  freed.subtract(kept);
  std::uint64_t out = 0;
  for (const auto& [pack, count] : PackRanges(numbers.index()).counts_of(freed)) {
    const PackRecord record = numbers.index().pack(pack);
    out += record.size * std::min<std::uint64_t>(count, record.number_count) /
           std::max<std::uint64_t>(record.number_count, 1);
  }
  return out;
}

}  // namespace kist
