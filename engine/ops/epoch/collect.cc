#include "engine/ops/epoch/collect.h"

#include <algorithm>
#include <set>
#include <thread>

#include "engine/base/attempt.h"
#include "engine/base/pool.h"
#include "engine/journal/journal.h"
#include "engine/ops/epoch/ending_plan.h"
#include "engine/ops/epoch/pack_mover.h"
#include "engine/repository/condemned_packs.h"
#include "engine/repository/ended_content.h"
#include "engine/repository/ended_objects.h"
#include "engine/rules/validate.h"

namespace kist {

namespace {

constexpr int conflicts_max = 16;
constexpr int ends_max = 1'024;
// Small segments are merged by the first moves of a run alone: others may go on making them.
constexpr int merging_moves_max = 16;
// Another slot that has condemned something within that may be at work.
constexpr std::uint64_t recent_seconds = 3'600;

void require_right(const Repository& repository) {
  repository.require(can_maintain);
  repository.require(can_read);
}

// Packs that are not stored again: nobody relies on what they hold.
std::set<std::uint32_t> unreadable_packs(const Repository& repository,
                                         const BlockIndex::Reader& index) {
  std::set<std::uint32_t> out;
  const auto add = [&](const ObjectHash& pack) {
    if (const auto number = index.find_pack(pack)) out.insert(*number);
  };
  std::ranges::for_each(repository.state().condemned_packs(), add);
  for (const auto& [pack, problem] : repository.local().damage().packs()) {
    add(pack);
  }
  return out;
}

CollectionPlan plan_with(Repository& repository,
                         const CollectOptions& options,
                         const NumberSet& live,
                         std::uint64_t written_bytes) {
  const BlockIndex::Reader index(repository.blocks().index());
  return plan_collection(index, live,
                         {.unreadable = unreadable_packs(repository, index),
                          .unused_percent = options.unused_percent,
                          .write_bytes_max = options.write_bytes_max -
                                             std::min(options.write_bytes_max, written_bytes)});
}

// A run of collection.
class Collection {
 public:
  Collection(Repository& repository, const CollectOptions& options)
      : repository_(repository),
        options_(options),
        writable_(repository.journal().require_writable()),
        sets_(repository),
        pool_(options.threads != 0 ? options.threads
                                   : std::max(1U, std::thread::hardware_concurrency())) {}

  CollectResult run() {
    tell_others();
    move();
    condemn_dead();
    condemn_unnamed();
    end();
    // Each end does so: of an earlier one that was cut off, and of backups that an end had caught.
    if (result_.entries == 0) result_.removed_objects += remove_ended_objects(repository_);
    tell_waiting();
    return result_;
  }

 private:
  // Two collections at once lose nothing, but each undoes the other's plans.
  void tell_others() const {
    const State& state = repository_.state();
    const SlotId& own = repository_.keyring().slot();
    const std::int64_t now_ms = repository_.services().clock.now_ms();
    for (const auto& [segment, condemned] : state.dead) {
      if (condemned.author == own || is_past(condemned, recent_seconds, now_ms)) continue;
      repository_.observer().notice(concat(
          "slot ", state.slots.at(condemned.author).introduction.name,
          " has condemned something less than an hour ago: it may be collecting at the same time, "
          "which loses nothing and costs both of them time"));
      return;
    }
  }

  // Live blocks leave the packs that are to go, part by part.
  void move() {
    int conflicts = 0;
    while (true) {
      MoveResult moved;
      const auto conflict = conflict_of([&] { moved = move_part(); });
      if (conflict && ++conflicts == conflicts_max) throw Error(*conflict);
      if (conflict) continue;
      ++moves_;
      result_.written_bytes += moved.written_bytes;
      if (!moved.damaged.empty()) {
        static_cast<void>(
            tell_damaged(repository_, {.all = moved.damaged, .fresh = moved.damaged}));
      } else if (!moved.has_moved) {
        return;
      }
    }
  }

  MoveResult move_part() {
    repository_.journal().replay_readable();
    require_whole(repository_.blocks().complete_index());
    const std::vector<SnapshotId> ending = find_ending(repository_);
    result_.replaced_sets += sets_.prove(ending);
    const NumberSet live = sets_.live(ending);
    CollectionPlan plan = plan_with(repository_, options_, live, result_.written_bytes);
    plan.merges_segments = moves_ < merging_moves_max;
    return move_some(repository_, pool_, live, plan, result_.written_bytes);
  }

  // Somebody else was faster, and may have taken away what this run has just put.
  template <typename Work>
  static std::optional<Error> conflict_of(const Work& work) {
    std::optional<Error> failure = failure_of(work);
    const bool is_lost_race =
        failure && (failure->code() == Code::conflict || failure->code() == Code::missing);
    if (failure && !is_lost_race) throw Error(*failure);
    return failure;
  }

  [[nodiscard]] std::vector<ObjectHash> dead_segments() {
    require_whole(repository_.blocks().complete_index());
    const std::vector<SnapshotId> ending = find_ending(repository_);
    const NumberSet live = sets_.live(ending);
    const CollectionPlan plan = plan_with(repository_, options_, live, 0);
    const BlockIndex::Reader index(repository_.blocks().index());
    std::vector<ObjectHash> out = find_dead_segments(repository_.state(), index, plan);
    if (out.size() > dead_segments_max) out.resize(dead_segments_max);
    return out;
  }

  // Says in the journal what is dead by now, if that is not what it says already.
  void condemn_dead() {
    const auto is_said = [&](const std::vector<ObjectHash>& segments) {
      const State& state = repository_.state();
      return segments.size() == state.dead.size() &&
             std::ranges::equal(segments, state.dead, {}, {},
                                [](const auto& row) { return row.first; });
    };
    const std::vector<ObjectHash> segments = dead_segments();
    if (is_said(segments)) return;
    repository_.journal().commit(writable_, [&](const State& state) {
      DeadCondemned act{.segments = segments};
      std::erase_if(act.segments, [&](const ObjectHash& name) {
        const auto segment = state.segments.find(name);
        return !segment || !segment->is_current;
      });
      return Act(std::move(act));
    });
  }

  // The same of what no entry names. What an earlier run should have removed goes first.
  void condemn_unnamed() {
    const ContentLeftovers found = find_content_leftovers(repository_, ended_parts_max);
    if (!found.ended.empty()) {
      result_.removed_objects += remove_ended_content(repository_, found.ended);
    }
    std::vector<ObjectHash> names;
    for (const auto& [name, object] : found.unnamed) {
      names.push_back(name);
      unnamed_bytes_[name] = object.bytes;
    }
    const std::map<ObjectHash, Condemnation> known = repository_.state().unnamed.all();
    const bool is_said =
        std::ranges::equal(names, known, {}, {}, [](const auto& row) { return row.first; });
    if (is_said) return;
    repository_.journal().commit(writable_,
                                 [&](const State&) { return Act(UnnamedCondemned{names}); });
  }

  // As many epochs' ends as it takes: one names a bounded number of objects.
  void end() {
    CollectionEnding ending(repository_, sets_, options_);
    int conflicts = 0;
    for (int ends = 0; ends < ends_max; ++ends) {
      EndEpochResult ended;
      std::map<ObjectHash, std::uint64_t> sizes;
      const auto conflict = conflict_of([&] {
        repository_.journal().replay_readable();
        require_whole(repository_.blocks().complete_index());
        result_.replaced_sets += sets_.prove(find_ending(repository_));
        sizes = pack_sizes();
        if (ending.is_due()) ended = end_epoch(repository_, {.ending = &ending});
      });
      if (conflict && ++conflicts == conflicts_max) throw Error(*conflict);
      if (conflict) continue;
      if (ended.sequence == 0) return;
      count(ended, sizes);
    }
  }

  void count(const EndEpochResult& ended, const std::map<ObjectHash, std::uint64_t>& sizes) {
    ++result_.entries;
    result_.ended_snapshots += ended.ended.snapshots.size();
    result_.removed_objects += ended.removed_content;
    const auto bytes_in = [](const std::map<ObjectHash, std::uint64_t>& of,
                             const ObjectHash& name) {
      const auto found = of.find(name);
      return found == of.end() ? 0 : found->second;
    };
    for (const ObjectHash& name : ended.ended.names) {
      result_.freed_bytes += bytes_in(sizes, name) + bytes_in(unnamed_bytes_, name);
    }
  }

  // Of packs in segments that stand condemned.
  [[nodiscard]] std::map<ObjectHash, std::uint64_t> pack_sizes() const {
    std::map<ObjectHash, std::uint64_t> out;
    const State& state = repository_.state();
    const BlockIndex::Reader index(repository_.blocks().index());
    for (const std::uint32_t pack : index.packs()) {
      const PackRecord record = index.pack(pack);
      if (state.dead.contains(record.segment)) out.emplace(record.hash, record.size);
    }
    return out;
  }

  void tell_waiting() {
    for (const auto& [pack, size] : pack_sizes()) {
      result_.waiting_bytes += size;
    }
    repository_.state().unnamed.for_each(
        [&](const ObjectHash& /*name*/, const Condemnation& /*condemned*/) {
          ++result_.condemned_unnamed;
        });
  }

  Repository& repository_;
  const CollectOptions& options_;
  const Journal::Writable writable_;
  KnownSets sets_;
  Pool pool_;
  std::map<ObjectHash, std::uint64_t> unnamed_bytes_;
  int moves_ = 0;
  CollectResult result_;
};

}  // namespace

bool may_collect(const Repository& repository) {
  const Capabilities needed = can_maintain | can_read;
  return (repository.capabilities() & needed) == needed;
}

CollectForecast plan_collect(Repository& repository, const CollectOptions& options) {
  require_right(repository);
  repository.journal().replay_readable();
  require_whole(repository.blocks().complete_index());
  CollectForecast out{.ending = find_ending(repository)};
  const State& state = repository.state();
  for (const SnapshotPtr& snapshot : state.live_snapshots()) {
    const bool is_due = !snapshot->taken.is_pending &&
                        !std::ranges::binary_search(out.ending, snapshot->taken.snapshot) &&
                        state.proof_by(snapshot->set.proved_by) < SetProof::by_maintain;
    if (is_due) ++out.unproved_sets;
  }
  KnownSets sets(repository);
  out.plan = plan_with(repository, options, sets.live(out.ending), 0);
  const ContentLeftovers found = find_content_leftovers(repository, 0);
  out.unnamed_count = found.unnamed_count;
  out.unnamed_bytes = found.unnamed_bytes;
  out.leftover_count = found.ended.size();
  return out;
}

CollectResult collect(Repository& repository, const CollectOptions& options) {
  require_right(repository);
  repository.journal().replay_readable();
  require_entries(repository.reader(), repository.state());
  return Collection(repository, options).run();
}

}  // namespace kist
