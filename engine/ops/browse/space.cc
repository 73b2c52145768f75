#include "engine/ops/browse/space.h"

#include <algorithm>
#include <array>

#include "engine/base/attempt.h"
#include "engine/blocks/pack_ranges.h"
#include "engine/blocks/snapshot_numbers.h"
#include "engine/repository/ended_content.h"
#include "engine/rules/retention.h"

namespace kist {

namespace {

// Why a number is needed, the strongest reason first.
enum class Need : std::uint8_t { live, held, retired };

Need need_of(const HeldSnapshots& held, const SnapshotState& snapshot) {
  if (!snapshot.is_retired()) return Need::live;
  return held.matter_on(snapshot) ? Need::held : Need::retired;
}

// The numbers that are needed for each reason, and for no stronger one.
std::array<NumberSet, 3> needed_numbers(const Repository& repository, SnapshotNumbers& numbers) {
  std::array<NumberSet, 3> out;
  const State& state = repository.state();
  const HeldSnapshots held(state);
  for (const SnapshotPtr& snapshot : state.live_snapshots()) {
    check_cancelled(repository.observer());
    const std::optional<NumberSet> its = numbers.of(*snapshot);
    if (!its) {
      throw Error(Code::corrupt, concat("the reference set of snapshot ",
                                        hex(snapshot->taken.snapshot).substr(0, 10),
                                        " cannot be read; see kist verify"));
    }
    out.at(static_cast<std::size_t>(need_of(held, *snapshot))).unite(*its);
  }
  out[1].subtract(out[0]);
  out[2].subtract(out[0]);
  out[2].subtract(out[1]);
  const NumberSet listed = listed_numbers(numbers.index());
  for (NumberSet& each : out) {
    each.intersect(listed);  // others would count for the pack before them
  }
  return out;
}

// The share of each pack that these numbers have.
std::uint64_t bytes_of(const BlockIndex::Reader& index,
                       const PackRanges& ranges,
                       const NumberSet& numbers) {
  std::uint64_t out = 0;
  for (const auto& [pack, count] : ranges.counts_of(numbers)) {
    const PackRecord record = index.pack(pack);
    const std::uint64_t all = std::max<std::uint64_t>(record.number_count, 1);
    out += record.size * std::min(count, all) / all;
  }
  return out;
}

SpaceUse measure(const Repository& repository) {
  const ContentLeftovers found = find_content_leftovers(repository, 0);
  SpaceUse out{.unnamed = found.unnamed_bytes, .left_over = found.ended.size()};
  SnapshotNumbers numbers(repository.blocks());
  const BlockIndex::Reader& index = numbers.index();
  const std::array<NumberSet, 3> needed = needed_numbers(repository, numbers);
  const PackRanges ranges(index);
  out.live = bytes_of(index, ranges, needed[0]);
  out.held = bytes_of(index, ranges, needed[1]);
  out.retired = bytes_of(index, ranges, needed[2]);
  std::uint64_t all = 0;
  for (const std::uint32_t pack : index.packs()) {
    const PackRecord record = index.pack(pack);
    all += record.size;
    if (repository.state().dead.contains(record.segment)) out.condemned += record.size;
  }
  out.dead = all - std::min(all, out.live + out.held + out.retired);
  numbers.keep();
  return out;
}

}  // namespace

std::optional<SpaceUse> count_space(Repository& repository) {
  repository.require_view();
  std::optional<SpaceUse> out;
  const auto damage = damage_of(
      [&] { keep_up([&] { repository.journal().replay(); }, [&] { out = measure(repository); }); });
  if (damage) {
    repository.observer().notice(
        concat("what the space is used for is not known: ", damage->text()));
  }
  return out;
}

}  // namespace kist
