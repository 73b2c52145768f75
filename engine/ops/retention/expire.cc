#include "engine/ops/retention/expire.h"

#include <algorithm>

#include "engine/ops/retention/freed_bytes.h"

namespace kist {

namespace {

ExpiryPlan plan_in(const Repository& repository,
                   const State& state,
                   const std::set<SnapshotId>& hurt,
                   const ExpireOptions& options) {
  ExpiryPlan out = plan_expiry(state, {.now_ms = repository.services().clock.now_ms(),
                                       .author = repository.keyring().slot(),
                                       .hurt = hurt,
                                       .brake_percent = options.brake_percent});
  if (options.sources.empty()) return out;
  std::erase_if(out.series, [&](const ExpirySeries& each) {
    return std::ranges::find(options.sources, each.source) == options.sources.end();
  });
  return out;
}

void require_sources(const ExpiryPlan& plan, const ExpireOptions& options) {
  for (const std::string& source : options.sources) {
    const bool is_there =
        std::ranges::find(plan.series, source, &ExpirySeries::source) != plan.series.end();
    if (is_there) continue;
    throw Error(Code::invalid, concat("no snapshot is of a source called ", source,
                                      "; kist source list shows them"));
  }
}

}  // namespace

ExpiryPlan plan_expire(const Repository& repository, const ExpireOptions& options) {
  prepare_retirement(repository);
  ExpiryPlan out = plan_in(repository, repository.state(), find_hurt(repository), options);
  require_sources(out, options);
  return out;
}

ExpireResult expire(Repository& repository, const ExpireOptions& options) {
  prepare_retirement(repository);
  const std::set<SnapshotId> hurt = find_hurt(repository);
  ExpireResult out{.plan = plan_in(repository, repository.state(), hurt, options), .done = {}};
  require_sources(out.plan, options);
  if (out.plan.retirements().empty()) return out;
  out.done = retire(repository, "", [&](const State& state) {
    return plan_in(repository, state, hurt, options).retirements();
  });
  return out;
}

}  // namespace kist
