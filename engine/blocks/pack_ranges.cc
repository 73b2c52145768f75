#include "engine/blocks/pack_ranges.h"

#include <algorithm>
#include <set>

namespace kist {

PackRanges::PackRanges(const BlockIndex::Reader& index) {
  for (const std::uint32_t pack : index.packs()) {
    const FrameRecord frame = index.frame(pack, 0);
    if (!frame.is_rewritten) {
      starts_.push_back({frame.first_number, pack});
      continue;
    }
    const std::uint32_t frame_count = index.pack(pack).frame_count;
    for (std::uint32_t i = 0; i < frame_count; ++i) {
      for (const BlockRun& run : index.block_runs(pack, i)) {
        starts_.push_back({run.first, pack});
      }
    }
  }
  std::ranges::sort(starts_, {}, &Start::first);
}

std::vector<std::uint32_t> PackRanges::packs_of(const NumberSet& numbers) const {
  std::set<std::uint32_t> out;
  std::size_t next = 0;      // the first run that begins after the number
  std::size_t last_out = 0;  // one past the place of the run that was put out last
  numbers.for_each([&](std::uint64_t number) {
    while (next < starts_.size() && starts_[next].first <= number) {
      ++next;
    }
    if (next == 0 || next == last_out) return;
    out.insert(starts_[next - 1].pack);
    last_out = next;
  });
  return {out.begin(), out.end()};
}

std::map<std::uint32_t, std::uint64_t> PackRanges::counts_of(const NumberSet& numbers) const {
  std::map<std::uint32_t, std::uint64_t> out;
  std::uint64_t below = starts_.empty() ? 0 : numbers.count_below(starts_.front().first);
  for (std::size_t i = 0; i < starts_.size(); ++i) {
    const std::uint64_t end = i + 1 < starts_.size() ? starts_[i + 1].first : UINT64_MAX;
    const std::uint64_t below_end = numbers.count_below(end);
    if (below_end > below) out[starts_[i].pack] += below_end - below;
    below = below_end;
  }
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

NumberSet numbers_in_pack(const BlockIndex::Reader& index, std::uint32_t pack) {
  NumberSet out;
  const PackRecord record = index.pack(pack);
  const FrameRecord first = index.frame(pack, 0);
  if (!first.is_rewritten) {
    out.add_range(first.first_number, record.number_count);
    return out;
  }
  for (std::uint32_t frame = 0; frame < record.frame_count; ++frame) {
    for (const BlockRun& run : index.block_runs(pack, frame)) {
      out.add_range(run.first, run.count);
    }
  }
  return out;
}

NumberSet listed_numbers(const BlockIndex::Reader& index) {
  NumberSet out;
  for (const std::uint32_t pack : index.packs()) {
    out.unite(numbers_in_pack(index, pack));
  }
  return out;
}

// Of the entries that have lost a segment: all numbers that they have reserved but those that their
// other segments list, or one that has replaced some.
std::vector<NumberRange> find_given_up_numbers(const State& state,
                                               const BlockIndex::Reader& index) {
  std::vector<NumberRange> out;
  if (state.changed.empty()) return out;
  NumberSet numbers;
  std::set<std::uint64_t> listing = state.changed;
  state.segments.for_each([&](const ObjectHash& /*name*/, const SegmentState& segment) {
    const bool is_rewritten = segment.numbers.count() == 0;
    if (is_rewritten) listing.insert(segment.sequence);
    if (is_rewritten || !state.changed.contains(segment.sequence)) return;
    numbers.add_range(segment.numbers.first_number, segment.numbers.count());
  });
  NumberSet listed;
  for (const std::uint64_t sequence : listing) {
    const std::optional<EntryRecord> entry = index.entry(sequence);
    if (!entry) continue;
    for (const NumberRun& run : entry->runs) {
      listed.add_range(run.first, run.count);
    }
  }
  numbers.subtract(listed);
  numbers.for_each([&](std::uint64_t number) {
    if (!out.empty() && out.back().end == number) {
      ++out.back().end;
    } else {
      out.push_back({number, number + 1});
    }
  });
  return out;
}

void UnreliedNumbers::add(std::vector<NumberRange> more) {
  more.insert(more.end(), ranges.begin(), ranges.end());
  std::ranges::sort(more, {}, &NumberRange::first);
  ranges.clear();
  for (const NumberRange& range : more) {
    if (!ranges.empty() && range.first <= ranges.back().end) {
      ranges.back().end = std::max(ranges.back().end, range.end);
    } else {
      ranges.push_back(range);
    }
  }
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
