#include "engine/ops/verify/segment_prover.h"

#include <algorithm>
#include <vector>

#include "engine/journal/journal.h"

namespace kist {

namespace {

constexpr std::size_t entry_proofs_max = 100'000;

}  // namespace

SegmentProver::SegmentProver(const State& state) {
  std::vector<SegmentIntroduction> unproved;
  state.segments.for_each([&](const ObjectHash& /*hash*/, const SegmentState& segment) {
    if (!segment.is_proved) unproved.push_back(segment.introduction);
  });
  std::ranges::sort(unproved, {}, &SegmentIntroduction::first_number);
  for (const SegmentIntroduction& introduction : unproved) {
    segments_.emplace_back(introduction);
  }
}

std::optional<std::size_t> SegmentProver::find(std::uint64_t number) const {
  const auto first = [](const Segment& segment) { return segment.introduction.first_number; };
  const auto after = std::ranges::upper_bound(segments_, number, {}, first);
  if (after == segments_.begin()) return std::nullopt;
  const auto place = static_cast<std::size_t>(after - segments_.begin()) - 1;
  const SegmentIntroduction& segment = segments_[place].introduction;
  if (number - segment.first_number >= segment.block_count) return std::nullopt;
  return place;
}

void SegmentProver::add(std::uint64_t number) {
  if (const auto place = find(number)) ++segments_[*place].found;
}

bool SegmentProver::has_proved(std::uint64_t number) const {
  const auto place = find(number);
  return place && segments_[*place].found == segments_[*place].introduction.block_count;
}

std::uint64_t SegmentProver::commit_proofs(Repository& repository) const {
  std::vector<ObjectHash> proved;
  for (const Segment& segment : segments_) {
    if (segment.found != segment.introduction.block_count) continue;
    proved.push_back(segment.introduction.index_segment);
  }
  if (proved.empty()) return 0;
  const Journal::Writable writable = repository.journal().require_writable();
  for (std::size_t at = 0; at < proved.size(); at += entry_proofs_max) {
    SegmentsProved part;
    const std::size_t end = std::min(at + entry_proofs_max, proved.size());
    for (std::size_t i = at; i < end; ++i) {
      part.segments.push_back(proved[i]);
    }
    repository.journal().commit(writable, [&](const State&) { return part; });
  }
  return proved.size();
}

}  // namespace kist
