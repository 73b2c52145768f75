#include "engine/ops/epoch/ending_plan.h"

#include <algorithm>
#include <functional>

#include "engine/base/attempt.h"
#include "engine/blocks/pack_ranges.h"
#include "engine/journal/journal.h"
#include "engine/repository/ended_content.h"
#include "engine/rules/clock.h"
#include "engine/rules/content_standing.h"
#include "engine/rules/validate.h"

namespace kist {

bool is_past(const Condemnation& condemned, std::uint64_t grace_seconds, std::int64_t now_ms) {
  return now_ms >= seconds_after(condemned.time_ms, grace_seconds) || grace_seconds == 0;
}

std::vector<ObjectHash> find_dead_segments(const State& state,
                                           const BlockIndex::Reader& index,
                                           const CollectionPlan& plan) {
  std::set<ObjectHash> needed;
  for (const std::uint32_t pack : index.packs()) {
    if (!plan.dead.contains(pack)) needed.insert(index.pack(pack).segment);
  }
  std::vector<ObjectHash> out;
  state.segments.for_each([&](const ObjectHash& name, const SegmentState& segment) {
    if (segment.is_current && !needed.contains(name)) out.push_back(name);
  });
  return out;
}

namespace {

void for_each_number(const std::vector<BlockRun>& runs,
                     const std::function<void(std::uint32_t block, std::uint64_t number)>& each) {
  for (const BlockRun& run : runs) {
    for (std::uint32_t i = 0; i < run.count; ++i) {
      each(run.block + i, run.first + i);
    }
  }
}

// Takes out the numbers of a frame whose block has a live one.
void subtract_shared(const std::vector<BlockRun>& runs, const NumberSet& live, NumberSet& numbers) {
  std::set<std::uint32_t> live_blocks;
  for_each_number(runs, [&](std::uint32_t block, std::uint64_t number) {
    if (live.contains(number)) live_blocks.insert(block);
  });
  NumberSet shared;
  for_each_number(runs, [&](std::uint32_t block, std::uint64_t number) {
    if (live_blocks.contains(block)) shared.add(number);
  });
  numbers.subtract(shared);
}

// The dead numbers of a pack that stays, but for those whose block has a live number as well.
void add_kept_dead(const BlockIndex::Reader& index,
                   std::uint32_t pack,
                   const NumberSet& live,
                   NumberSet& out) {
  NumberSet numbers = numbers_in_pack(index, pack);
  numbers.subtract(live);
  if (index.frame(pack, 0).is_rewritten) {
    const std::uint32_t frame_count = index.pack(pack).frame_count;
    for (std::uint32_t frame = 0; frame < frame_count; ++frame) {
      subtract_shared(index.block_runs(pack, frame), live, numbers);
    }
  }
  out.unite(numbers);
}

// Snapshots of which nothing is left that only they need: of those that have ended, or end, and of
// pending ones that were replaced.
std::vector<SnapshotId> find_forgettable(Repository& repository,
                                         KnownSets& sets,
                                         const std::vector<SnapshotId>& ending,
                                         const NumberSet& kept_dead) {
  std::vector<SnapshotId> out;
  SnapshotNumbers numbers(repository.blocks());
  for (const SnapshotPtr& snapshot : repository.state().all_snapshots()) {
    const SnapshotId& id = snapshot->taken.snapshot;
    const bool ends = snapshot->has_ended() || std::ranges::binary_search(ending, id);
    if (snapshot->is_forgotten || (snapshot->is_live && !ends)) continue;
    bool keeps_something = false;
    if (ends && !kept_dead.empty()) {
      // What cannot be read may name something.
      keeps_something = true;
      static_cast<void>(damage_of([&] {
        NumberSet its = sets.needed_by(numbers, *snapshot);
        its.intersect(kept_dead);
        keeps_something = !its.empty();
      }));
    }
    if (!keeps_something) out.push_back(id);
  }
  numbers.keep();
  std::ranges::sort(out);
  if (out.size() > ended_parts_max) out.resize(ended_parts_max);
  return out;
}

}  // namespace

void CollectionEnding::require_proved(const std::vector<SnapshotId>& ending) {
  for (const SnapshotPtr& snapshot : repository_.state().live_snapshots()) {
    if (std::ranges::binary_search(ending, snapshot->taken.snapshot)) continue;
    if (sets_.is_known(*snapshot)) continue;
    throw Error(Code::conflict, "a snapshot was taken meanwhile; run the command again");
  }
}

// Those that stand condemned for long enough, and in which all is dead: as many as one entry can
// name the packs of.
void CollectionEnding::add_segments(const CollectionPlan& plan,
                                    const BlockIndex::Reader& index,
                                    EndedContent& out) const {
  const State& state = repository_.state();
  const std::int64_t now_ms = repository_.services().clock.now_ms();
  std::map<ObjectHash, std::vector<ObjectHash>> packs_of;
  for (const ObjectHash& name : find_dead_segments(state, index, plan)) {
    const auto condemned = state.dead.find(name);
    if (condemned == state.dead.end()) continue;
    if (is_past(condemned->second, options_.grace_seconds.value_or(0), now_ms)) packs_of[name];
  }
  const std::vector<std::uint32_t> known =
      packs_of.empty() ? std::vector<std::uint32_t>() : index.known_packs();
  for (const std::uint32_t number : known) {
    const PackRecord record = index.pack(number);
    const auto segment = packs_of.find(record.segment);
    if (segment == packs_of.end()) continue;
    const auto listed = index.find_pack(record.hash);
    const bool is_elsewhere = listed && index.pack(*listed).segment != record.segment;
    if (!is_elsewhere) segment->second.push_back(record.hash);
  }
  std::set<ObjectHash> names;
  for (const auto& [name, packs] : packs_of) {
    if (names.size() + packs.size() > ended_parts_max) continue;
    names.insert(packs.begin(), packs.end());
    ReplacedSegment& ended = out.segments.emplace_back(ReplacedSegment{.hash = name});
    const SegmentState segment = state.segments.find(name).value();
    const auto run = index.run_of(segment.sequence, name);
    if (segment.numbers.count() == 0 || !run) continue;
    const std::uint64_t meta = segment.numbers.first_of(PackKind::meta);
    const PackKind stream = run->first < meta ? PackKind::data : PackKind::meta;
    ended.first_ordinal = narrow<std::uint32_t>(run->first - segment.numbers.first_of(stream));
    ended.count = narrow<std::uint32_t>(run->count);
  }
  out.names.assign(names.begin(), names.end());
}

// Those that stand condemned for long enough, and that nobody names still.
void CollectionEnding::add_unnamed(const BlockIndex::Reader& index, EndedContent& out) const {
  const State& state = repository_.state();
  const std::int64_t now_ms = repository_.services().clock.now_ms();
  const std::uint64_t grace = options_.grace_seconds.value_or(unnamed_grace_seconds);
  const ContentJudge judge(
      state,
      {.lists_pack = [&](const ObjectHash& pack) { return index.find_pack(pack).has_value(); },
       .has_ended = [](const ObjectHash& /*name*/) { return false; }});
  std::vector<ObjectHash> due;
  state.unnamed.for_each([&](const ObjectHash& name, const Condemnation& condemned) {
    const bool is_room_left = out.names.size() + due.size() < ended_parts_max;
    if (is_room_left && is_past(condemned, grace, now_ms)) due.push_back(name);
  });
  std::set<ObjectHash> names(out.names.begin(), out.names.end());
  for (const ObjectHash& name : due) {
    if (!judge.has_named(name)) names.insert(name);
  }
  out.names.assign(names.begin(), names.end());
}

void CollectionEnding::note_ended_numbers(const BlockIndex::Reader& index,
                                          const EndedContent& ended) {
  ended_numbers_ = {};
  ended_segments_.clear();
  for (const ReplacedSegment& segment : ended.segments) {
    ended_segments_.insert(segment.hash);
  }
  ended_names_ = {ended.names.begin(), ended.names.end()};
  for (const std::uint32_t pack : index.packs()) {
    if (!ended_segments_.contains(index.pack(pack).segment)) continue;
    ended_numbers_.unite(numbers_in_pack(index, pack));
  }
}

EndedContent CollectionEnding::plan() {
  EndedContent out;
  require_whole(repository_.blocks().index());
  out.snapshots = find_ending(repository_);
  require_proved(out.snapshots);
  const NumberSet live = sets_.live(out.snapshots);
  NumberSet kept_dead;
  {
    const BlockIndex::Reader index(repository_.blocks().index());
    const CollectionPlan plan = plan_collection(index, live, {.unused_percent = 100});
    add_segments(plan, index, out);
    add_unnamed(index, out);
    note_ended_numbers(index, out);
    if (out.segments.empty() && out.snapshots.empty() && out.names.empty()) return {};
    const std::map<std::uint32_t, std::uint64_t> counts = counts_of_live(index, live);
    for (const std::uint32_t pack : index.packs()) {
      const PackRecord record = index.pack(pack);
      const auto count = counts.find(pack);
      const bool is_all_live = count != counts.end() && count->second >= record.number_count;
      if (is_all_live || ended_segments_.contains(record.segment)) continue;
      add_kept_dead(index, pack, live, kept_dead);
    }
  }
  out.forgotten = find_forgettable(repository_, sets_, out.snapshots, kept_dead);
  return out;
}

bool CollectionEnding::admits(const ReplayedEntry& snapshot) {
  const auto& taken = std::get<SnapshotTaken>(snapshot.entry.act);
  const std::optional<SnapshotState> found = repository_.state().snapshots.find(taken.snapshot);
  if (!found) return false;
  bool is_apart = false;
  const auto damage = damage_of([&] {
    SnapshotNumbers numbers(repository_.blocks());
    NumberSet its = sets_.needed_by(numbers, *found);
    its.intersect(ended_numbers_);
    is_apart = its.empty();
  });
  if (damage || !is_apart || !sets_.is_known(*found)) return false;
  const BlockIndex::Reader index(repository_.blocks().index());
  const bool names_ended =
      ended_names_.contains(taken.body) || ended_names_.contains(taken.reference_set) ||
      std::ranges::any_of(taken.segments, [&](const SegmentIntroduction& segment) {
        return ended_names_.contains(segment.index_segment);
      });
  if (names_ended) return false;
  return std::ranges::none_of(ended_names_, [&](const ObjectHash& name) {
    const auto pack = index.find_pack(name);
    return pack && !ended_segments_.contains(index.pack(*pack).segment);
  });
}

}  // namespace kist
