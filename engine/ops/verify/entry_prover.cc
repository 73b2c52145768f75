#include "engine/ops/verify/entry_prover.h"

#include <algorithm>
#include <map>
#include <vector>

#include "engine/journal/journal.h"
#include "engine/rules/validate.h"

namespace kist {

EntryProver::EntryProver(const State& state, const BlockIndex::Reader& index) {
  std::map<std::uint64_t, EntryNumbers> unproved;  // each entry once, whatever it names
  state.segments.for_each([&](const ObjectHash& /*name*/, const SegmentState& segment) {
    const bool is_due = segment.numbers.count() > 0;
    if (!is_due || state.is_proved(segment.sequence, segment.author)) return;
    unproved.emplace(segment.sequence, segment.numbers);
  });
  for (const auto& [sequence, numbers] : unproved) {
    Unproved& entry = entries_.emplace_back(sequence, numbers);
    const std::optional<EntryRecord> record = index.entry(sequence);
    if (!record || !record->is_whole || state.changed.contains(sequence)) continue;
    entry.due = 0;
    for (const NumberRun& run : record->runs) {
      *entry.due += run.count;
    }
  }
}

std::optional<std::size_t> EntryProver::find(std::uint64_t number) const {
  const auto first = [](const Unproved& entry) { return entry.numbers.first_number; };
  const auto after = std::ranges::upper_bound(entries_, number, {}, first);
  if (after == entries_.begin()) return std::nullopt;
  const auto place = static_cast<std::size_t>(after - entries_.begin()) - 1;
  const EntryNumbers& numbers = entries_[place].numbers;
  if (number - numbers.first_number >= numbers.count()) return std::nullopt;
  return place;
}

void EntryProver::add(std::uint64_t number) {
  if (const auto place = find(number)) ++entries_[*place].found;
}

bool EntryProver::has_proved(std::uint64_t number) const {
  const auto place = find(number);
  return place && entries_[*place].is_proved();
}

// A range goes from one entry that is not proved to the next: what lies between is proved already,
// or introduces nothing. So the ranges of one run and those of earlier ones become one.
std::vector<EntryRange> EntryProver::proved_ranges() const {
  std::vector<EntryRange> out;
  std::uint64_t first = 0;
  bool is_open = false;  // the last range may go on
  for (const Unproved& entry : entries_) {
    if (!entry.is_proved()) {
      first = entry.sequence + 1;
      is_open = false;
    } else if (is_open) {
      out.back().last = entry.sequence;
    } else {
      out.push_back({first, entry.sequence});
      is_open = true;
    }
  }
  return out;
}

std::uint64_t EntryProver::commit_proofs(Repository& repository) const {
  const std::vector<EntryRange> proved = proved_ranges();
  if (proved.empty()) return 0;
  const Journal::Writable writable = repository.journal().require_writable();
  for (std::size_t at = 0; at < proved.size(); at += proved_ranges_max) {
    EntriesProved part;
    const std::size_t end = std::min(at + proved_ranges_max, proved.size());
    for (std::size_t i = at; i < end; ++i) {
      part.ranges.push_back(proved[i]);
    }
    repository.journal().commit(writable, [&](const State&) { return part; });
  }
  return static_cast<std::uint64_t>(std::ranges::count_if(entries_, &Unproved::is_proved));
}

}  // namespace kist
