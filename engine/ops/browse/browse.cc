#include "engine/ops/browse/browse.h"

#include <algorithm>
#include <ctime>
#include <map>

#include "engine/base/attempt.h"
#include "engine/base/duration.h"
#include "engine/blocks/block_reader.h"
#include "engine/repository/snapshot_tree.h"

namespace kist {

namespace {

// "3d ago", "12h ago": a minute is the least unit.
std::optional<std::int64_t> parse_age(std::string_view text, std::int64_t now_ms) {
  constexpr std::string_view ago = " ago";
  if (!text.ends_with(ago)) return std::nullopt;
  const auto age = parse_duration(text.substr(0, text.size() - ago.size()));
  if (!age || age->count > UINT32_MAX || age->unit_seconds < 60) return std::nullopt;
  return now_ms - static_cast<std::int64_t>(age->seconds()) * 1000;
}

SnapshotPtr newest(const std::vector<SnapshotPtr>& snapshots,
                   const std::function<bool(const SnapshotState&)>& fits) {
  SnapshotPtr found;
  for (const SnapshotPtr& snapshot : snapshots) {
    if (!snapshot->taken.is_pending && fits(*snapshot)) found = snapshot;
  }
  return found;
}

SnapshotPtr by_prefix(const std::vector<SnapshotPtr>& snapshots, const std::string& prefix) {
  SnapshotPtr found;
  for (const SnapshotPtr& snapshot : snapshots) {
    if (!hex(snapshot->taken.snapshot).starts_with(prefix)) continue;
    if (found != nullptr) {
      throw Error(Code::invalid, concat(prefix, " is the start of several ids; give more digits"));
    }
    found = snapshot;
  }
  return found;
}

SnapshotPtr find_snapshot(const Repository& repository, const std::string& text) {
  const auto snapshots = repository.state().live_snapshots();
  if (text == "latest") return newest(snapshots, [](const SnapshotState&) { return true; });
  if (text.starts_with("latest@")) {
    return newest(snapshots,
                  [&](const SnapshotState& s) { return s.taken.source == text.substr(7); });
  }
  std::optional<std::int64_t> until_ms = parse_age(text, repository.services().clock.now_ms());
  if (!until_ms) until_ms = parse_local_time(text);
  if (until_ms) {
    return newest(snapshots, [&](const SnapshotState& s) { return s.time_ms <= *until_ms; });
  }
  return text.size() < 4 ? nullptr : by_prefix(snapshots, text);
}

std::string clean_path(std::string path) {
  while (path.starts_with('/')) {
    path.erase(0, 1);
  }
  while (path.ends_with('/')) {
    path.pop_back();
  }
  return path;
}

}  // namespace

std::optional<std::int64_t> parse_local_time(const std::string& text) {
  for (const char* format :
       {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d"}) {
    std::tm broken{};
    broken.tm_isdst = -1;
    const char* end = ::strptime(text.c_str(), format, &broken);
    if (end == nullptr || *end != '\0') continue;
    // Without seconds or a time of day, the whole minute or day counts.
    if (text.size() == 10) broken.tm_mday += 1;
    if (text.size() == 16) broken.tm_min += 1;
    return static_cast<std::int64_t>(std::mktime(&broken)) * 1000 + (text.size() < 19 ? -1 : 999);
  }
  return std::nullopt;
}

Selection select(const Repository& repository, const std::string& text) {
  // The path begins at the first ":/": times hold colons too, but no slash after one.
  const std::size_t colon = text.find(":/");
  const std::string name = text.substr(0, colon);
  Selection out;
  out.snapshot = find_snapshot(repository, name);
  if (out.snapshot == nullptr) {
    throw Error(Code::failed, name.size() < 4
                                  ? concat(name, " is too short for an id; give at least 4 digits")
                                  : concat("there is no snapshot ", name,
                                           "; kist snapshots lists those there are (a path begins "
                                           "with :/)"));
  }
  if (colon != std::string::npos) out.path = clean_path(text.substr(colon + 1));
  return out;
}

std::vector<SnapshotSummary> list_snapshots(Repository& repository) {
  repository.require_view();
  const bool may_read = (repository.capabilities() & can_read) != 0;
  std::vector<SnapshotSummary> out;
  for (const SnapshotPtr& snapshot : repository.state().live_snapshots()) {
    SnapshotSummary summary;
    summary.state = snapshot;
    const auto damage = damage_of([&] {
      if (may_read) {
        summary.body = get_body(repository.journal(), repository.read_keys(), *snapshot);
      }
      summary.statistics = get_reference_set(repository.journal(), *snapshot).statistics;
    });
    if (damage) {
      repository.observer().problem(
          concat("snapshot ", hex(snapshot->taken.snapshot).substr(0, 10)), *damage);
    }
    out.push_back(std::move(summary));
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

RepositoryStatistics count_repository(Repository& repository) {
  repository.require_view();
  const BlockIndex::Reader index(repository.blocks().index());
  RepositoryStatistics out;
  std::map<std::string, RepositoryStatistics::Source> sources;
  for (const SnapshotPtr& snapshot : repository.state().live_snapshots()) {
    SnapshotStatistics statistics;
    // A set that is missing, damaged or invalid is left out; the other snapshots count.
    const auto damage = damage_of(
        [&] { statistics = get_reference_set(repository.journal(), *snapshot).statistics; });
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
  for (std::uint32_t pack = 0; pack < index.pack_count(); ++pack) {
    out.pack_bytes += index.pack(pack).size;
  }
  out.blocks = index.block_count();
  out.entries = repository.state().next_sequence;
  return out;
}

}  // namespace kist
