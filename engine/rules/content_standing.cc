#include "engine/rules/content_standing.h"

#include "engine/format/names.h"

namespace kist {

namespace {

// A pack has one copy.
constexpr std::string (*paths[])(const ObjectHash&) = {&index_segment_path, &body_path,
                                                       &reference_set_path};

}  // namespace

std::optional<ObjectHash> content_name(const std::string& path) {
  const auto name = parse_id<ObjectHash>(first_copy_path(path.substr(path.rfind('/') + 1)));
  if (!name) return std::nullopt;
  if (path == pack_path(*name)) return name;
  for (const auto& path_of : paths) {
    if (first_copy_path(path) == path_of(*name)) return name;
  }
  return std::nullopt;
}

ContentJudge::ContentJudge(const State& state, IndexedNames names)
    : state_(state), names_(std::move(names)) {
  state.snapshots.for_each([&](const SnapshotId& /*id*/, const SnapshotState& snapshot) {
    std::set<ObjectHash>& to = snapshot.is_forgotten ? forgotten_ : kept_;
    to.insert(snapshot.taken.body);
    to.insert(snapshot.set.hash);
  });
}

ContentStanding ContentJudge::by_name(const ObjectHash& name) const {
  return names_.has_ended(name) ? ContentStanding::ended : ContentStanding::unnamed;
}

ContentStanding ContentJudge::judge_segment(const ObjectHash& name) const {
  const std::optional<SegmentState> segment = state_.segments.find(name);
  if (!segment) return by_name(name);
  return segment->is_current ? ContentStanding::named : ContentStanding::ended;
}

bool ContentJudge::has_named(const ObjectHash& name) const {
  return kept_.contains(name) || forgotten_.contains(name) || names_.lists_pack(name) ||
         state_.segments.contains(name);
}

ContentStanding ContentJudge::judge(const std::string& path) const {
  const std::optional<ObjectHash> name = content_name(path);
  if (!name) return ContentStanding::foreign;
  if (path.starts_with("index/")) return judge_segment(*name);
  if (path.starts_with("packs/")) {
    return names_.lists_pack(*name) ? ContentStanding::named : by_name(*name);
  }
  if (kept_.contains(*name)) return ContentStanding::named;
  return forgotten_.contains(*name) ? ContentStanding::ended : by_name(*name);
}

}  // namespace kist
