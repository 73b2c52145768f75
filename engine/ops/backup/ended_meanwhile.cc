#include "engine/ops/backup/ended_meanwhile.h"

#include <algorithm>
#include <functional>
#include <set>

#include "engine/journal/journal.h"

namespace kist {

namespace {

void for_each_end(const Repository& repository,
                  std::uint64_t from,
                  const std::function<void(const EndedContent&)>& each) {
  repository.journal().for_each_entry(from, [&](const ReplayedEntry& replayed) {
    const auto* epoch = std::get_if<EpochEnded>(&replayed.entry.act);
    if (epoch != nullptr && replayed.void_reason.empty()) each(epoch->ended);
    return true;
  });
}

NumberSet numbers_of(const std::vector<NumberRange>& ranges) {
  NumberSet out;
  for (const NumberRange& range : ranges) {
    out.add_range(range.first, range.end - range.first);
  }
  return out;
}

}  // namespace

bool has_lost_objects(const Repository& repository,
                      std::uint64_t since,
                      const StoredSnapshot& stored) {
  std::set<ObjectHash> removed;
  for_each_end(repository, since, [&](const EndedContent& ended) {
    removed.insert(ended.names.begin(), ended.names.end());
  });
  if (removed.empty()) return false;
  const auto is_removed = [&](const ObjectHash& name) { return removed.contains(name); };
  return is_removed(stored.body) || is_removed(stored.reference_set) ||
         std::ranges::any_of(stored.packs, is_removed) ||
         std::ranges::any_of(stored.segments, is_removed, &SegmentIntroduction::index_segment);
}

bool relies_on_ended(const Repository& repository,
                     std::uint64_t begun,
                     const std::vector<NumberRange>& unlisted,
                     const StoredSnapshot& stored) {
  bool may_rely = false;
  for_each_end(repository, begun,
               [&](const EndedContent& ended) { may_rely |= !ended.segments.empty(); });
  if (!may_rely) return false;
  const BlockIndex::Reader index(repository.blocks().index(Cancelling::no));
  NumberSet ended = numbers_of(find_given_up_numbers(repository.state(), index));
  ended.subtract(numbers_of(unlisted));
  ended.intersect(stored.references.absolute);
  return !ended.empty();
}

}  // namespace kist
