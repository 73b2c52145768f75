#include "engine/ops/browse/browse.h"

#include <map>

#include "engine/base/attempt.h"
#include "engine/blocks/block_reader.h"
#include "engine/blocks/snapshot_opener.h"
#include "engine/repository/snapshot_tree.h"
#include "engine/rules/retention.h"

namespace kist {

namespace {

SnapshotInspection inspect_for(const Repository& repository,
                               SnapshotOpener& opener,
                               const SnapshotState& snapshot) {
  std::optional<ReadKeys> keys;
  if ((repository.capabilities() & can_read) != 0) keys = repository.read_keys();
  return inspect_snapshot(opener, keys ? &*keys : nullptr, snapshot);
}

void tell_unreadable(const Repository& repository,
                     const SnapshotState& snapshot,
                     bool is_given_up,
                     const Error& damage) {
  const std::string name = concat("snapshot ", hex(snapshot.taken.snapshot).substr(0, 10));
  if (!is_given_up) {
    repository.observer().problem(name, damage);
    return;
  }
  repository.observer().notice(concat(name, " of slot ", author_of(repository.state(), snapshot),
                                      " opens for nobody and does not count: ", damage.text()));
}

// What the journal says of a snapshot.
SnapshotSummary summary_of(const State& state, const HeldSnapshots& held, SnapshotPtr snapshot) {
  SnapshotSummary out;
  if (snapshot->is_retired()) out.restorable_until_ms = restorable_until_ms(state, *snapshot);
  out.matter = held.matter_on(*snapshot);
  out.state = std::move(snapshot);
  return out;
}

}  // namespace

std::vector<SnapshotSummary> list_journal_snapshots(const Repository& repository) {
  const State& state = repository.state();
  const HeldSnapshots held(state);
  std::vector<SnapshotSummary> out;
  for (SnapshotPtr& snapshot : state.live_snapshots()) {
    out.push_back(summary_of(state, held, std::move(snapshot)));
  }
  return out;
}

SnapshotPlace place_of(const Repository& repository, const SnapshotId& snapshot) {
  const SnapshotState state = repository.state().snapshots.at(snapshot);
  return {.started_ms = state.taken.started_ms, .source = state.taken.source};
}

namespace {

// A snapshot's summary, and why it cannot be read.
struct Opened {
  SnapshotSummary summary;
  std::optional<Error> problem{};
};

Opened open_for(const Repository& repository, SnapshotOpener& opener, SnapshotSummary summary) {
  const bool may_read = (repository.capabilities() & can_read) != 0;
  const SnapshotState& snapshot = *summary.state;
  const auto damage = damage_of([&] {
    if (may_read) summary.body = opener.body(repository.read_keys(), snapshot);
    summary.statistics = opener.reference_set(snapshot).statistics;
  });
  // A slot that may not open the body has not looked at it yet.
  const SnapshotInspection found =
      damage || !may_read ? inspect_for(repository, opener, snapshot) : SnapshotInspection{};
  summary.openness = found.openness;
  summary.is_given_up = is_given_up(repository.state(), snapshot, found);
  if (!damage && found.opens()) return {std::move(summary)};
  return {std::move(summary), damage.value_or(Error(Code::corrupt, found.problem))};
}

}  // namespace

std::vector<SnapshotSummary> list_snapshots(Repository& repository) {
  repository.require_view();
  std::vector<Opened> opened;
  keep_up([&] { repository.journal().replay(); },
          [&] {
            opened.clear();
            SnapshotOpener opener(repository.journal());
            for (SnapshotSummary& summary : list_journal_snapshots(repository)) {
              opened.push_back(open_for(repository, opener, std::move(summary)));
            }
          });
  std::vector<SnapshotSummary> out;
  out.reserve(opened.size());
  for (Opened& snapshot : opened) {
    const SnapshotSummary& summary = snapshot.summary;
    if (snapshot.problem) {
      tell_unreadable(repository, *summary.state, summary.is_given_up, *snapshot.problem);
    }
    out.push_back(std::move(snapshot.summary));
  }
  return out;
}

void list_entries(Repository& repository,
                  const Selection& selection,
                  bool is_recursive,
                  const std::function<void(const Entry&)>& each) {
  using Depth = SnapshotTree::Depth;
  const SnapshotTree tree(repository, *selection.snapshot);
  tree.list(selection.path, is_recursive ? Depth::all : Depth::one, each);
}

void read_content(Repository& repository,
                  const Selection& selection,
                  const std::function<void(View)>& each) {
  const SnapshotTree tree(repository, *selection.snapshot);
  const Entry entry = tree.at(selection.path);
  if (entry.type != EntryType::file) {
    throw Error(Code::invalid, concat("/", selection.path, " is not a file"));
  }
  tree.read(entry, each);
}

namespace {

RepositoryStatistics count_now(Repository& repository) {
  const BlockIndex::Reader index(repository.blocks().index());
  RepositoryStatistics out;
  std::map<std::string, RepositoryStatistics::Source> sources;
  SnapshotOpener opener(repository.journal());
  for (const SnapshotPtr& snapshot : repository.state().live_snapshots()) {
    SnapshotStatistics statistics;
    // A set that is missing, damaged or invalid is left out; the other snapshots count.
    const auto damage = damage_of([&] { statistics = opener.reference_set(*snapshot).statistics; });
    if (damage) {
      repository.observer().notice(concat(damage->text(), "; it does not count"));
      continue;
    }
    RepositoryStatistics::Source& source = sources[snapshot->taken.source];
    source.name = snapshot->taken.source;
    ++source.snapshots;
    source.bytes_newest = statistics.bytes_total;
    source.bytes_stored += statistics.bytes_stored;
    ++out.snapshots;
    out.bytes_total += statistics.bytes_total;
  }
  for (const auto& [name, source] : sources) {
    out.bytes_newest += source.bytes_newest;
    out.sources.push_back(source);
  }
  out.packs = index.pack_count();
  for (const std::uint32_t pack : index.packs()) {
    out.pack_bytes += index.pack(pack).size;
  }
  out.blocks = index.block_count();
  out.entries = repository.state().next_sequence;
  return out;
}

}  // namespace

RepositoryStatistics count_repository(Repository& repository) {
  repository.require_view();
  RepositoryStatistics out;
  keep_up([&] { repository.journal().replay(); }, [&] { out = count_now(repository); });
  return out;
}

}  // namespace kist
