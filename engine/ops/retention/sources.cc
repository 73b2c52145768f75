#include "engine/ops/retention/sources.h"

#include <algorithm>
#include <map>

#include "engine/rules/policy.h"

namespace kist {

namespace {

[[noreturn]] void refuse_unknown_source(const std::string& name) {
  throw Error(Code::invalid,
              concat("there is no source called ", name, "; kist source list shows them"));
}

void require_bindable_slot(const State& state, const SlotId& id) {
  const auto slot = state.slots.find(id);
  const bool can_back_up = slot != state.slots.end() && !slot->second.is_revoked &&
                           (slot->second.introduction.capabilities & can_write) != 0;
  if (can_back_up) return;
  throw Error(Code::invalid, concat("slot ", hex(id).substr(0, 8),
                                    " cannot back anything up: it was revoked, or does not write"));
}

void require_chain(const State& state, const SourceBound& bound) {
  if (bound.continues.empty()) return;
  const auto continued = state.sources.find(bound.continues);
  if (continued == state.sources.end() || continued->second.series == 0) {
    throw Error(Code::invalid, concat("there is no snapshot of ", bound.continues,
                                      " that could be continued; kist source list shows them"));
  }
}

}  // namespace

std::vector<SourceInfo> list_sources(const Repository& repository) {
  repository.require_view();
  const State& state = repository.state();
  std::map<std::string, SourceInfo> found;
  for (const auto& [name, row] : state.sources) {
    found[name] = {.name = name, .state = row, .policy = policy_of(state, name).name};
  }
  for (const SnapshotPtr& snapshot : state.live_snapshots()) {
    if (snapshot->taken.is_pending || snapshot->is_retired()) continue;
    SourceInfo& info = found[snapshot->taken.source];
    ++info.snapshots;
    info.newest_ms = std::max(info.newest_ms, snapshot->taken.started_ms);
  }
  std::vector<SourceInfo> out;
  out.reserve(found.size());
  for (auto& [name, info] : found) {
    out.push_back(std::move(info));
  }
  return out;
}

bool knows_source(const Repository& repository, const std::string& name) {
  const auto found = repository.state().sources.find(name);
  return found != repository.state().sources.end() &&
         (found->second.series != 0 || found->second.slot != SlotId{});
}

std::uint64_t bind_source(Repository& repository, const SourceBound& bound) {
  repository.require(can_own);
  const Journal::Writable writable = repository.journal().require_writable();
  return repository.journal()
      .commit(writable,
              [&](const State& state) {
                require_bindable_slot(state, bound.slot);
                require_chain(state, bound);
                return Act(bound);
              })
      .sequence;
}

std::uint64_t end_source(Repository& repository,
                         const std::string& name,
                         const std::string& reason) {
  repository.require(can_own);
  const Journal::Writable writable = repository.journal().require_writable();
  return repository.journal()
      .commit(writable,
              [&](const State& state) {
                const auto found = state.sources.find(name);
                if (found == state.sources.end()) refuse_unknown_source(name);
                return Act(SourceBound{.source = name,
                                       .slot = found->second.slot,
                                       .continues = found->second.continues,
                                       .is_ended = true,
                                       .reason = reason});
              })
      .sequence;
}

}  // namespace kist
