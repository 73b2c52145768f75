#include "engine/ops/browse/compare.h"

#include <map>

#include "engine/base/attempt.h"
#include "engine/repository/snapshot_tree.h"

namespace kist {

namespace {

bool same_content(const Entry& a, const Entry& b) {
  return a.type == b.type && a.size == b.size && a.link_target == b.link_target &&
         a.device_major == b.device_major && a.device_minor == b.device_minor &&
         a.inline_content == b.inline_content && a.content == b.content;
}

bool same_metadata(const Entry& a, const Entry& b) {
  return a.mode == b.mode && a.uid == b.uid && a.gid == b.gid && a.user == b.user &&
         a.group == b.group && a.mtime == b.mtime && a.flags == b.flags && a.xattrs == b.xattrs &&
         a.xattrs_block == b.xattrs_block;
}

void count(const Difference& difference, DifferenceTotals& totals) {
  const std::uint64_t before = difference.before != nullptr ? difference.before->size : 0;
  const std::uint64_t after = difference.after != nullptr ? difference.after->size : 0;
  if (after > before) totals.bytes_added += after - before;
  if (before > after) totals.bytes_removed += before - after;
  if (difference.before == nullptr) {
    ++totals.added;
  } else if (difference.after == nullptr) {
    ++totals.removed;
  } else {
    ++totals.modified;
  }
}

// Follows the paths that match through one source's snapshots.
class Finder {
 public:
  Finder(std::string source, const PathFilter& patterns)
      : source_(std::move(source)), patterns_(patterns) {}

  void begin(const SnapshotPtr& snapshot) {
    previous_ = current_;
    current_ = snapshot;
    ++count_;
  }

  void add(const Entry* before, const Entry* after) {
    const bool was_selected = before != nullptr && is_selected(*before);
    const bool is_selected_now = after != nullptr && is_selected(*after);
    if (!was_selected && !is_selected_now) return;
    Track& track = tracks_[after != nullptr ? after->path : before->path];
    if (!is_selected_now) {
      close(track);
      return;
    }
    if (track.is_open && same_content(track.versions.back().entry, *after) &&
        same_metadata(track.versions.back().entry, *after)) {
      return;
    }
    close(track);
    track.versions.push_back({.entry = *after, .first = current_, .last = nullptr, .snapshots = 0});
    track.opened_at = count_;
    track.is_open = true;
  }

  void finish(std::vector<FoundPath>& out) {
    previous_ = current_;
    ++count_;
    for (auto& [path, track] : tracks_) {
      close(track);
      out.push_back({source_, path, std::move(track.versions)});
    }
  }

 private:
  [[nodiscard]] bool is_selected(const Entry& entry) const {
    const PathFilter::Match found =
        patterns_.match_path(entry.path, entry.type == EntryType::directory);
    return found.is_included && !found.is_excluded;
  }

  struct Track {
    std::vector<FoundVersion> versions;
    std::uint64_t opened_at = 0;
    bool is_open = false;
  };

  // The version ended with the snapshot before this one.
  void close(Track& track) const {
    if (!track.is_open) return;
    track.versions.back().last = previous_;
    track.versions.back().snapshots = count_ - track.opened_at;
    track.is_open = false;
  }

  std::string source_;
  const PathFilter& patterns_;
  std::map<std::string, Track> tracks_;
  SnapshotPtr previous_;
  SnapshotPtr current_;
  std::uint64_t count_ = 0;
};

// What a snapshot has that the one before it had not, or had otherwise; all of it if it is the
// first.
void add_changes(const std::optional<SnapshotTree>& previous,
                 const SnapshotTree& tree,
                 Finder& finder) {
  const ManifestReader& manifest = tree.manifest();
  if (previous) {
    manifest.diff(previous->root(), tree.root(),
                  [&](const Entry* before, const Entry* after) { finder.add(before, after); });
    return;
  }
  manifest.for_each(tree.root(), "", ManifestReader::Order::forward, [&](const Entry& entry) {
    finder.add(nullptr, &entry);
    return true;
  });
}

// One source's snapshots in order, each against the one before. One that cannot be read is told,
// and left out.
void find_in(Repository& repository, const std::vector<SnapshotPtr>& snapshots, Finder& finder) {
  std::optional<SnapshotTree> previous;
  for (const SnapshotPtr& snapshot : snapshots) {
    check_cancelled(repository.observer());
    const auto failure = failure_of([&] {
      SnapshotTree tree =
          previous ? previous->beside(*snapshot) : SnapshotTree(repository, *snapshot);
      finder.begin(snapshot);
      add_changes(previous, tree, finder);
      previous = std::move(tree);
    });
    if (!failure) continue;
    const std::string name = concat("snapshot ", hex(snapshot->taken.snapshot));
    const ReadKeys keys = repository.read_keys();
    const auto found =
        value_of([&] { return inspect_snapshot(repository.journal(), &keys, *snapshot); });
    if (found && is_given_up(repository.state(), *snapshot, *found)) {
      repository.observer().notice(concat(name, " of slot ",
                                          author_of(repository.state(), *snapshot),
                                          " opens for nobody and is left out: ", failure->text()));
    } else {
      repository.observer().problem(name, *failure);
    }
  }
}

}  // namespace

DifferenceTotals diff_snapshots(Repository& repository,
                                const Selection& before,
                                const Selection& after,
                                const std::function<void(const Difference&)>& each) {
  repository.require(can_read);
  if (before.path != after.path) {
    throw Error(Code::invalid, "both sides must name the same path, as in A:/etc B:/etc");
  }
  const SnapshotTree old_tree(repository, *before.snapshot);
  const SnapshotTree new_tree = old_tree.beside(*after.snapshot);
  DifferenceTotals totals;
  old_tree.manifest().diff(
      old_tree.root(), new_tree.root(), [&](const Entry* old_entry, const Entry* new_entry) {
        check_cancelled(repository.observer());
        const Entry& any = new_entry != nullptr ? *new_entry : *old_entry;
        if (!is_within(any.path, before.path)) return;
        Difference difference{.before = old_entry, .after = new_entry};
        const bool is_in_both = old_entry != nullptr && new_entry != nullptr;
        difference.in_content = !is_in_both || !same_content(*old_entry, *new_entry);
        difference.in_metadata = is_in_both && !same_metadata(*old_entry, *new_entry);
        if (!difference.in_content && !difference.in_metadata) return;
        count(difference, totals);
        each(difference);
      });
  return totals;
}

std::vector<FoundPath> find_paths(Repository& repository, const PathFilter& patterns) {
  repository.require(can_read);
  std::map<std::string, std::vector<SnapshotPtr>> by_source;
  for (const SnapshotPtr& snapshot : repository.state().live_snapshots()) {
    if (!snapshot->taken.is_pending) by_source[snapshot->taken.source].push_back(snapshot);
  }
  std::vector<FoundPath> out;
  for (const auto& [source, snapshots] : by_source) {
    Finder finder(source, patterns);
    find_in(repository, snapshots, finder);
    finder.finish(out);
  }
  return out;
}

}  // namespace kist
