#include "engine/ops/retention/expire.h"

#include <algorithm>

namespace kist {

namespace {

ExpiryPlan plan_in(const Repository& repository, const State& state, const ExpireOptions& options) {
  ExpiryPlan out = plan_expiry(state, {.now_ms = repository.services().clock.now_ms(),
                                       .author = repository.keyring().slot(),
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
  ExpiryPlan out = plan_in(repository, repository.state(), options);
  require_sources(out, options);
  return out;
}

ExpireResult expire(Repository& repository, const ExpireOptions& options) {
  ExpireResult out{.plan = plan_expire(repository, options), .done = {}};
  if (out.plan.retirements().empty()) return out;
  out.done = retire(repository, "", [&](const State& state) {
    return plan_in(repository, state, options).retirements();
  });
  return out;
}

}  // namespace kist
