#include <algorithm>

#include "engine/rules/acts/act_rules.h"
#include "engine/rules/validate.h"

namespace kist {

namespace {

// They ascend, and all are of entries before `next`.
bool are_proper(const std::vector<EntryRange>& ranges, std::uint64_t next) {
  std::uint64_t least = 0;
  for (const EntryRange& range : ranges) {
    if (range.first < least || range.last < range.first || range.last >= next) return false;
    least = range.last + 1;
  }
  return true;
}

// Ranges that overlap or touch become one, so that a repository of which all is proved has few.
std::vector<EntryRange> unite(const std::vector<EntryRange>& a, const std::vector<EntryRange>& b) {
  std::vector<EntryRange> sorted;
  std::ranges::merge(a, b, std::back_inserter(sorted), {}, &EntryRange::first, &EntryRange::first);
  std::vector<EntryRange> out;
  for (const EntryRange& range : sorted) {
    if (!out.empty() && range.first <= out.back().last + 1) {
      out.back().last = std::max(out.back().last, range.last);
    } else {
      out.push_back(range);
    }
  }
  return out;
}

}  // namespace

std::optional<Capabilities> capability_for(const EntriesProved& /*act*/) {
  return can_read;
}

MaybeViolation check_act(const State& /*state*/,
                         const EntriesProved& proved,
                         const JournalEntry& entry) {
  const std::size_t count = proved.ranges.size();
  const bool is_of_bounded_size = count > 0 && count <= proved_ranges_max;
  if (!is_of_bounded_size || !are_proper(proved.ranges, entry.sequence)) {
    return Violation{46, "ranges that are no ranges of earlier entries"};
  }
  return std::nullopt;
}

void apply_act(State& state, const EntriesProved& proved, const JournalEntry& /*entry*/) {
  state.proved = unite(state.proved, proved.ranges);
}

}  // namespace kist
