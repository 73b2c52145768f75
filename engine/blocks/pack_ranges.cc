#include "engine/blocks/pack_ranges.h"

#include <algorithm>
#include <set>

namespace kist {

PackRanges::PackRanges(const BlockIndex::Reader& index) {
  const std::uint32_t count = index.pack_count();
  starts_.reserve(count);
  for (std::uint32_t pack = 0; pack < count; ++pack) {
    starts_.push_back({index.frame(pack, 0).first_number, pack});
  }
  std::ranges::sort(starts_, {}, &Start::first);
}

std::vector<std::uint32_t> PackRanges::packs_of(const NumberSet& numbers) const {
  std::vector<std::uint32_t> out;
  std::size_t next = 0;      // the first pack that begins after the number
  std::size_t last_out = 0;  // one past the place of the pack that was put out last
  numbers.for_each([&](std::uint64_t number) {
    while (next < starts_.size() && starts_[next].first <= number) {
      ++next;
    }
    if (next == 0 || next == last_out) return;
    out.push_back(starts_[next - 1].pack);
    last_out = next;
  });
  return out;
}

std::vector<NumberRange> PackRanges::ranges_of(const std::vector<std::uint32_t>& packs) const {
  const std::set<std::uint32_t> selected(packs.begin(), packs.end());
  std::vector<NumberRange> out;
  for (std::size_t i = 0; i < starts_.size(); ++i) {
    if (!selected.contains(starts_[i].pack)) continue;
    const std::uint64_t end = i + 1 < starts_.size() ? starts_[i + 1].first : UINT64_MAX;
    out.push_back({starts_[i].first, end});
  }
  return out;
}

bool UnreliedNumbers::touch(const std::vector<ReferenceRun>& runs) const {
  return std::ranges::any_of(runs, [&](const ReferenceRun& run) {
    if (run.first < below) return true;
    // The first range that ends after the run's first number.
    const auto range = std::ranges::upper_bound(ranges, run.first, {}, &NumberRange::end);
    return range != ranges.end() && range->first < run.first + run.count;
  });
}

}  // namespace kist
