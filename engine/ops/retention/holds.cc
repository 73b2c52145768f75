#include "engine/ops/retention/holds.h"

#include <algorithm>

#include "engine/rules/retention.h"

namespace kist {

namespace {

std::string_view kind_of(const Hold& hold) {
  if (hold.is_whole) return "the repository";
  return hold.snapshots.empty() ? "sources" : "snapshots";
}

void require_placeable(const State& state, const HoldPlaced& placed) {
  if (placed.matter.empty() || placed.matter.size() > matter_bytes_max) {
    throw Error(Code::invalid,
                "a matter is a case number of 1 to 64 bytes, which every slot can "
                "read");
  }
  const auto found = state.holds.find(placed.matter);
  if (found == state.holds.end()) return;
  const Hold& hold = found->second;
  const bool is_same_kind = hold.is_whole == placed.parts.is_whole() &&
                            hold.snapshots.empty() == placed.parts.snapshots.empty() &&
                            hold.sources.empty() == placed.parts.sources.empty();
  if (is_same_kind) return;
  throw Error(Code::invalid, concat("matter ", placed.matter, " holds ", kind_of(hold),
                                    " already, and a matter holds one kind of thing: take another "
                                    "number, such as ",
                                    placed.matter, "-b"));
}

void require_held(const State& state, const HoldLifted& lifted) {
  const auto found = state.holds.find(lifted.matter);
  if (found == state.holds.end()) {
    throw Error(Code::invalid,
                concat("nothing is held by matter ", lifted.matter, " (kist hold list)"));
  }
  for (const SnapshotId& snapshot : lifted.parts.snapshots) {
    if (found->second.snapshots.contains(snapshot)) continue;
    throw Error(Code::invalid, concat("matter ", lifted.matter, " does not name snapshot ",
                                      hex(snapshot).substr(0, 10), " (kist hold list)"));
  }
  for (const std::string& source : lifted.parts.sources) {
    if (found->second.sources.contains(source)) continue;
    throw Error(Code::invalid, concat("matter ", lifted.matter, " does not name source ", source,
                                      " (kist hold list)"));
  }
}

template <typename List>
void put_in_order(List& list) {
  std::ranges::sort(list);
  list.erase(std::unique(list.begin(), list.end()), list.end());
}

}  // namespace

std::vector<HoldInfo> list_holds(const Repository& repository) {
  std::vector<HoldInfo> out;
  for (const auto& [matter, hold] : repository.state().holds) {
    out.push_back({matter, hold});
  }
  return out;
}

std::uint64_t place_hold(Repository& repository, const HoldPlaced& placed) {
  repository.require(can_maintain);
  HoldPlaced act = placed;
  put_in_order(act.parts.snapshots);
  put_in_order(act.parts.sources);
  const Journal::Writable writable = repository.journal().require_writable();
  return repository.journal()
      .commit(writable,
              [&](const State& state) {
                require_placeable(state, act);
                return Act(act);
              })
      .sequence;
}

std::uint64_t lift_hold(Repository& repository, const HoldLifted& lifted) {
  repository.require(can_own);
  HoldLifted act = lifted;
  put_in_order(act.parts.snapshots);
  put_in_order(act.parts.sources);
  const Journal::Writable writable = repository.journal().require_writable();
  return repository.journal()
      .commit(writable,
              [&](const State& state) {
                require_held(state, act);
                return Act(act);
              })
      .sequence;
}

}  // namespace kist
