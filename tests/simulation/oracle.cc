#include "tests/simulation/oracle.h"

#include <algorithm>
#include <filesystem>

#include "engine/base/attempt.h"
#include "engine/blocks/pack_ranges.h"
#include "engine/blocks/snapshot_numbers.h"
#include "engine/format/names.h"
#include "engine/journal/journal.h"
#include "engine/ops/restore/restore.h"
#include "engine/ops/verify/verify.h"

namespace kist::test {

namespace {

unsigned machine_of(const std::string& source) {
  return static_cast<unsigned>(source.at(std::string_view("source").size()) - '0');
}

// The owner's slot, on a machine of its own.
Repository open_true(const Beginning& beginning, const ObjectMap& objects, Services services) {
  return open_repository(std::make_shared<TrueStore>(objects), credential_of(owner_machine),
                         {.state_parent = state_path(beginning.place(), machine_count), .slot = {}},
                         services);
}

}  // namespace

Oracle::Oracle(const Beginning& beginning, const ObjectMap& objects)
    : beginning_(beginning), objects_(objects), clock_(beginning.end_ms()), random_(77) {
  repository_.emplace(open_true(beginning, objects, {clock_, random_, observer_}));
  for (const auto& [path, bytes] : objects) {
    if (path.starts_with("journal/") && !path.ends_with(".2")) entries_.emplace(path, bytes);
  }
  for (unsigned machine = 0; machine < reader_machine; ++machine) {
    snapshots_[beginning.snapshots()[machine]] = beginning.tree(machine).content();
  }
}

Oracle::~Oracle() = default;

void Oracle::set_time(std::int64_t now_ms) {
  clock_.advance_ms(now_ms - clock_.now_ms());
}

void Oracle::note_entry(View bytes, const TreeContent& tree) {
  trees_[hash_object(bytes)] = tree;
}

void Oracle::note_acknowledged(const SnapshotId& snapshot, std::uint64_t sequence) {
  acknowledged_[snapshot] = sequence;
}

const TreeContent* Oracle::tree_of(const SnapshotId& snapshot) const {
  const auto found = snapshots_.find(snapshot);
  return found == snapshots_.end() ? nullptr : &found->second;
}

std::string Oracle::path_of(const SnapshotId& snapshot) const {
  const std::string source = state().snapshots.at(snapshot).taken.source;
  return tree_path(beginning_.place(), machine_of(source)).substr(1);
}

// The journal has one entry under each number for ever, whatever happens to copies.
std::string Oracle::keep_entry(const TraceStep& step) {
  const auto found = objects_.find(step.path);
  const auto before = entries_.find(step.path);
  if (found == objects_.end()) return concat(step.path, " was removed");
  if (before == entries_.end()) {
    entries_.emplace(step.path, found->second);
    return {};
  }
  return *before->second == *found->second ? "" : concat(step.path, " is another one now");
}

std::string Oracle::watch(const TraceStep& step) {
  if (!step.is_change() || !step.has_happened()) return {};
  const bool is_entry = step.path.starts_with("journal/");
  if (is_entry && step.path.ends_with(".2")) {
    const auto first = objects_.find(first_copy_path(step.path));
    const bool is_same = first != objects_.end() && *first->second == *objects_.at(step.path);
    return is_same ? "" : concat(step.path, " is not the second copy of what counts");
  }
  if (is_entry) {
    std::string wrong = keep_entry(step);
    return wrong.empty() ? follow(step) : wrong;
  }
  if (step.wish != Wish::remove) return {};
  std::string wrong = find_needed();
  if (!wrong.empty()) return wrong;
  if (!is_needed(step.path)) return {};
  return concat(step.path, " is needed, and was removed");
}

std::string Oracle::follow(const TraceStep& step) {
  const std::uint64_t first = state().next_sequence;
  std::string wrong;
  const auto failure = failure_of([&] { repository_->journal().replay_readable(); });
  if (failure) return concat("the journal cannot be followed: ", failure->text());
  repository_->journal().for_each_entry(first, [&](const ReplayedEntry& replayed) {
    wrong = look_at_entry(step, replayed);
    return wrong.empty();
  });
  return wrong;
}

// The names of content that nobody needs after that act.
void Oracle::add_removable(const kist::Act& act, std::set<std::string>& out) const {
  const auto add = [&](const ObjectHash& name) { out.insert(hex(name)); };
  if (const auto* const moved = std::get_if<Reindexed>(&act)) {
    std::ranges::for_each(moved->replaced, add, &ReplacedSegment::hash);
  }
  if (const auto* const proved = std::get_if<SetsProved>(&act)) {
    for (const ReplacedSet& replaced : proved->replaced) {
      add(replaced.judged.set);
    }
  }
  const auto* const end = std::get_if<EpochEnded>(&act);
  if (end == nullptr) return;
  std::ranges::for_each(end->ended.segments, add, &ReplacedSegment::hash);
  std::ranges::for_each(end->ended.names, add);
  for (const SnapshotId& id : end->ended.forgotten) {
    const SnapshotState snapshot = state().snapshots.at(id);
    add(snapshot.taken.body);
    add(snapshot.set.hash);
  }
}

void Oracle::note_landed(const TraceStep& step, const ReplayedEntry& replayed) {
  LandedEntry out{.sequence = replayed.entry.sequence,
                  .step = step.number,
                  .machine = step.machine,
                  .act = step.act};
  const kist::Act& act = replayed.entry.act;
  if (std::holds_alternative<SnapshotTaken>(act)) out.kind = LandedEntry::Kind::snapshot;
  if (std::holds_alternative<Reindexed>(act)) out.kind = LandedEntry::Kind::moved;
  if (std::holds_alternative<SetsProved>(act)) out.kind = LandedEntry::Kind::proved;
  if (const auto* const end = std::get_if<EpochEnded>(&act)) {
    out.kind = LandedEntry::Kind::end;
    out.ended_snapshots = end->ended.snapshots.size();
    out.ended_names = end->ended.names.size();
    out.ended_packs = end->ended.segments.size();
    out.revokes = !end->revoked.empty();
  }
  const auto* const taken = std::get_if<SnapshotTaken>(&act);
  out.facts = {.sequence = out.sequence,
               .is_snapshot = taken != nullptr && !taken->is_pending,
               .ends_epoch = out.kind == LandedEntry::Kind::end,
               .epoch_number = replayed.entry.epoch_number,
               .epoch = hex(replayed.entry.epoch)};
  add_removable(act, out.facts.removable);
  landed_.push_back(std::move(out));
}

std::string Oracle::look_at_entry(const TraceStep& step, const ReplayedEntry& replayed) {
  note_landed(step, replayed);
  if (!replayed.void_reason.empty()) {
    return concat("entry ", replayed.entry.sequence, " is void: ", replayed.void_reason);
  }
  const auto* const taken = std::get_if<SnapshotTaken>(&replayed.entry.act);
  if (taken != nullptr && !taken->is_pending) {
    const auto tree = trees_.find(replayed.hash);
    if (tree != trees_.end()) snapshots_[taken->snapshot] = tree->second;
  }
  const bool ends = std::holds_alternative<EpochEnded>(replayed.entry.act);
  return taken != nullptr || ends ? require_present() : "";
}

// What the head needs: computed once for each, when it is asked for.
std::string Oracle::find_needed() {
  if (needed_at_ == state().next_sequence) return {};
  needed_.clear();
  std::string wrong;
  const auto failure = failure_of([&] {
    Blocks& blocks = repository_->blocks();
    if (!blocks.complete_index().unloaded_entries().empty()) wrong = "an index segment is gone";
    SnapshotNumbers numbers(blocks);
    const BlockIndex::Reader index(blocks.index());
    NumberSet all;
    for (const SnapshotPtr& snapshot : state().live_snapshots()) {
      need(body_path(snapshot->taken.body));
      need(reference_set_path(snapshot->set.hash));
      const std::optional<NumberSet> its = numbers.of(*snapshot);
      if (!its) {
        wrong = concat("what snapshot ", hex(snapshot->taken.snapshot), " needs cannot be read");
        continue;
      }
      all.unite(*its);
    }
    for (const std::uint32_t number : PackRanges(index).packs_of(all)) {
      const PackRecord pack = index.pack(number);
      need(pack_path(pack.hash));
      need(index_segment_path(pack.segment));
      all.subtract(numbers_in_pack(index, number));
    }
    if (!all.empty()) wrong = concat("no pack has block number ", all.greatest());
  });
  if (failure) return concat("what is needed cannot be found: ", failure->text());
  state().key_segments.for_each(
      [&](const ObjectHash& hash, const SlotId& /*author*/) { need(key_segment_path(hash)); });
  for (const SlotState* const slot : state().current_slots()) {
    need(epoch_box_path(state().epoch_number, state().epoch, slot->introduction.slot));
  }
  for (unsigned copy = 1; copy <= anchor_copies; ++copy) {
    need(anchor_path(state().epoch_number, state().epoch, copy));
  }
  needed_at_ = state().next_sequence;
  return wrong;
}

// Anchors have numbers, all others a second copy.
bool Oracle::is_needed(const std::string& path) const {
  return needed_.contains(path.starts_with("anchors/") ? path : first_copy_path(path));
}

std::string Oracle::require_present() {
  std::string wrong = find_needed();
  if (!wrong.empty()) return wrong;
  for (const std::string& path : needed_) {
    if (objects_.contains(path) || objects_.contains(second_copy_path(path))) continue;
    return concat(path, " is needed, and is not there");
  }
  return {};
}

bool Oracle::has_slot(const std::string& name) const {
  return std::ranges::any_of(state().current_slots(), [&](const SlotState* slot) {
    return slot->introduction.name == name;
  });
}

std::string Oracle::find_leftover() {
  std::string wrong = find_needed();
  if (!wrong.empty()) return wrong;
  // What is kept of a snapshot goes with the next thing that ends.
  for (const SnapshotPtr& snapshot : state().all_snapshots()) {
    if (snapshot->is_forgotten) continue;
    need(body_path(snapshot->taken.body));
    need(reference_set_path(snapshot->set.hash));
  }
  constexpr std::string_view folders[] = {"packs/", "index/",  "bodies/", "refs/",
                                          "keys/",  "epochs/", "anchors/"};
  for (const auto& object : objects_) {
    const std::string& path = object.first;
    const bool is_looked_at = std::ranges::any_of(
        folders, [&](std::string_view folder) { return path.starts_with(folder); });
    if (is_looked_at && !is_needed(path)) return path;
  }
  return {};
}

std::string Oracle::restore_one(const SnapshotTaken& taken) {
  const TreeContent* const tree = tree_of(taken.snapshot);
  if (taken.is_pending || tree == nullptr) return {};
  RestoreOptions options;
  options.snapshot = taken.snapshot;
  options.path = path_of(taken.snapshot);
  options.target = beginning_.place() / "run/all";
  options.threads = 1;
  RestoreResult result;
  const auto failure = failure_of([&] { result = kist::restore(*repository_, options); });
  const std::string different = differences(*tree, options.target);
  std::filesystem::remove_all(options.target);
  if (!failure && result.problems == 0 && different.empty()) return {};
  return concat("snapshot ", hex(taken.snapshot), " of entry ",
                state().snapshots.at(taken.snapshot).sequence,
                " cannot be restored: ", failure ? failure->text() : different);
}

std::string Oracle::restore_all() {
  for (const SnapshotPtr& snapshot : state().live_snapshots()) {
    std::string wrong = restore_one(snapshot->taken);
    if (!wrong.empty()) return wrong;
  }
  return {};
}

std::string Oracle::look_at_all() {
  std::string wrong = follow({});
  if (wrong.empty()) wrong = require_present();
  for (const auto& [snapshot, sequence] : acknowledged_) {
    const auto found = state().snapshots.find(snapshot);
    if (!found || found->sequence != sequence) {
      return concat("snapshot ", hex(snapshot), " was acknowledged, and is not in the journal");
    }
  }
  return wrong.empty() ? restore_all() : wrong;
}

}  // namespace kist::test
