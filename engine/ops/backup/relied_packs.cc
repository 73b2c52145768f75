#include "engine/ops/backup/relied_packs.h"

#include "engine/base/attempt.h"
#include "engine/blocks/block_reader.h"
#include "engine/blocks/snapshot_inspector.h"
#include "engine/blocks/snapshot_opener.h"

namespace kist {

std::optional<SnapshotState> find_newest_snapshot(const State& state,
                                                  const std::string& source,
                                                  const SlotId& slot) {
  std::optional<SnapshotState> out;
  for (const SnapshotPtr& snapshot : state.live_snapshots()) {
    if (snapshot->taken.source == source && snapshot->author == slot) out = *snapshot;
  }
  return out;
}

namespace {

NumberSet relied_numbers(const Repository& repository, const ReliedOn& relied) {
  NumberSet out = relied.numbers;
  if (!relied.newest) return out;
  const auto failure =
      failure_of([&] { out.unite(numbers_of_snapshot(repository.journal(), *relied.newest)); });
  if (failure && !is_damage(*failure) && failure->code() != Code::refused) throw Error(*failure);
  if (failure) out.add_range(0, repository.state().next_number);
  return out;
}

}  // namespace

UnreliedNumbers look_at_relied_packs(const Repository& repository,
                                     BlockWriter& writer,
                                     Pool& pool,
                                     const ReliedOn& relied) {
  UnreliedNumbers out{.below = relied.rely_from, .ranges = {}};
  PackLook& look = writer.look();
  const bool is_due = !relied.is_dry_run && !look.has_looked_for(relied.source_key);
  const BlockIndex::Reader& index = writer.index();
  out.add(relied.unlisted);
  const auto& dead = repository.state().dead;
  if (!is_due && look.unrelied().empty() && dead.empty()) return out;
  const PackRanges ranges(index);
  if (is_due) {
    std::vector<PackRecord> packs;
    for (const std::uint32_t pack : ranges.packs_of(relied_numbers(repository, relied))) {
      packs.push_back(index.pack(pack));
    }
    look.look_at(packs, count_by_folder(index), pool);
    // What was found may not have been recorded, and what was not answered is to be asked again: a
    // run that ends before its snapshot leaves that to the next one.
    if (relied.rely_from == 0 && look.found_nothing()) look.note_looked_for(relied.source_key);
    look.remember();
  }
  std::vector<std::uint32_t> unrelied;
  for (const ObjectHash& pack : look.unrelied()) {
    if (const auto number = index.find_pack(pack)) unrelied.push_back(*number);
  }
  if (!dead.empty()) {
    std::ranges::copy_if(
        index.known_packs(), std::back_inserter(unrelied),
        [&](std::uint32_t pack) { return dead.contains(index.pack(pack).segment); });
  }
  out.add(ranges.ranges_of(unrelied));
  return out;
}

}  // namespace kist
