#include "engine/ops/browse/selection.h"

#include <algorithm>
#include <ctime>
#include <map>

#include "engine/base/duration.h"
#include "engine/blocks/snapshot_inspector.h"

namespace kist {

namespace {

constexpr std::size_t sources_listed_max = 20;
constexpr std::size_t passed_over_told_max = 3;

// "3d ago", "12h ago": a minute is the least unit.
std::optional<std::int64_t> parse_age(std::string_view text, std::int64_t now_ms) {
  constexpr std::string_view ago = " ago";
  if (!text.ends_with(ago)) return std::nullopt;
  const auto age = parse_duration(text.substr(0, text.size() - ago.size()));
  if (!age || age->count > UINT32_MAX || age->unit_seconds < 60) return std::nullopt;
  return now_ms - static_cast<std::int64_t>(age->seconds()) * 1000;
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

// What a text that is no id asks for.
struct Newest {
  std::string when;  // the text without the source
  std::int64_t until_ms = INT64_MAX;
  std::optional<std::string> source;
};

// Nothing when the text is none of the forms that mean a newest snapshot. The source begins after
// the first "@", for no time holds one.
std::optional<Newest> parse_newest(const std::string& text, std::int64_t now_ms) {
  Newest out;
  const std::size_t at = text.find('@');
  out.when = text.substr(0, at);
  if (at != std::string::npos) out.source = text.substr(at + 1);
  if (out.when == "latest") return out;
  std::optional<std::int64_t> until_ms = parse_age(out.when, now_ms);
  if (!until_ms) until_ms = parse_local_time(out.when);
  if (!until_ms) return std::nullopt;
  out.until_ms = *until_ms;
  return out;
}

// Finds the newest snapshot of one source that may be selected.
class NewestFinder {
 public:
  explicit NewestFinder(const Repository& repository)
      : repository_(repository), keys_(repository.read_keys()) {}

  // Of snapshots in the journal's order; null where none opens.
  SnapshotPtr find(const std::vector<SnapshotPtr>& snapshots) {
    for (std::size_t i = snapshots.size(); i-- > 0;) {
      const SnapshotPtr& snapshot = snapshots[i];
      check_cancelled(repository_.observer());
      const SnapshotInspection found = inspect_snapshot(repository_.journal(), &keys_, *snapshot);
      if (found.opens() || found.openness == Openness::damaged) return snapshot;
      passed_over_.push_back(concat("snapshot ", hex(snapshot->taken.snapshot).substr(0, 10),
                                    " of ", snapshot->taken.source, ", which slot ",
                                    author_of(repository_.state(), *snapshot),
                                    " signed, does not open and is passed over: ", found.problem));
    }
    return nullptr;
  }

  [[nodiscard]] std::size_t passed_over() const { return passed_over_.size(); }

  void tell_passed_over() const {
    for (std::size_t i = 0; i < std::min(passed_over_.size(), passed_over_told_max); ++i) {
      repository_.observer().notice(passed_over_[i]);
    }
    if (passed_over_.size() > passed_over_told_max) {
      repository_.observer().notice(concat(passed_over_.size() - passed_over_told_max,
                                           " more are passed over (kist snapshots shows them)"));
    }
  }

 private:
  const Repository& repository_;
  const ReadKeys keys_;
  std::vector<std::string> passed_over_;
};

using BySource = std::map<std::string, std::vector<SnapshotPtr>>;

BySource candidates(const Repository& repository, const Newest& wanted) {
  BySource out;
  for (const SnapshotPtr& snapshot : repository.state().live_snapshots()) {
    const SnapshotTaken& taken = snapshot->taken;
    const bool fits = !taken.is_pending && !snapshot->is_retired() &&
                      snapshot->time_ms <= wanted.until_ms &&
                      (!wanted.source || *wanted.source == taken.source);
    if (fits) out[taken.source].push_back(snapshot);
  }
  return out;
}

[[noreturn]] void refuse_several(const State& state,
                                 const Newest& wanted,
                                 const BySource& sources) {
  std::string list;
  std::size_t listed = 0;
  for (const auto& [source, snapshots] : sources) {
    if (listed++ == sources_listed_max) break;
    list += concat(list.empty() ? "" : ", ", source, " (slot ", author_of(state, *snapshots.back()),
                   ")");
  }
  if (sources.size() > sources_listed_max) {
    list += concat(" and ", sources.size() - sources_listed_max, " more");
  }
  throw Error(Code::invalid, concat("several sources have a snapshot that ", wanted.when,
                                    " may mean: name one of them, as in \"", wanted.when,
                                    "@SOURCE\" (kist snapshots shows what each has): ", list));
}

// The newest that opens, of the one source that has such a snapshot.
Selection find_newest(const Repository& repository, const Newest& wanted) {
  NewestFinder finder(repository);
  const BySource sources = candidates(repository, wanted);
  Selection out;
  for (const auto& [source, snapshots] : sources) {
    const std::size_t passed_over = finder.passed_over();
    const SnapshotPtr newest = finder.find(snapshots);
    if (newest == nullptr) continue;
    if (out.snapshot != nullptr) refuse_several(repository.state(), wanted, sources);
    out.snapshot = newest;
    out.passed_over = finder.passed_over() - passed_over;
  }
  finder.tell_passed_over();
  return out;
}

Selection find_snapshot(const Repository& repository, const std::string& text) {
  if (const auto wanted = parse_newest(text, repository.services().clock.now_ms())) {
    return find_newest(repository, *wanted);
  }
  if (text.size() < 4) return {};
  return {.snapshot = by_prefix(repository.state().live_snapshots(), text), .path = {}};
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
  Selection out = find_snapshot(repository, name);
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

}  // namespace kist
