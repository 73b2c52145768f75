#include "engine/rules/expiry.h"

#include <algorithm>
#include <map>

#include "engine/rules/clock.h"

namespace kist {

namespace {

constexpr std::int64_t week_ms = 7LL * 86'400'000;
constexpr std::size_t braked_at_least = 10;

using Series = std::vector<SnapshotPtr>;

// Snapshots that count or did, in journal order; not pending ones that were replaced.
std::map<std::uint64_t, Series> all_series(const State& state) {
  std::map<std::uint64_t, Series> out;
  for (const SnapshotPtr& snapshot : state.all_snapshots()) {
    if (!snapshot->is_live && !snapshot->has_ended()) continue;
    out[snapshot->series].push_back(snapshot);
  }
  return out;
}

// A pending snapshot is in no line: it goes when its backup is over, or has given up.
PlanLine pending_line(const PlannedSnapshot& snapshot, std::int64_t now_ms) {
  PlanLine out{.snapshot = snapshot.id, .reasons = {}};
  if (now_ms >= *snapshot.minimum_ms) return out;
  out.reasons.push_back({.kind = KeepKind::pending, .until_ms = *snapshot.minimum_ms});
  return out;
}

// Of finished snapshots, since a time.
struct Turnover {
  std::size_t taken = 0;
  std::size_t retired = 0;  // by rule
  std::size_t before = 0;   // that were live then
};

Turnover turnover_since(const Series& series, std::int64_t since_ms) {
  Turnover out;
  for (const SnapshotPtr& snapshot : series) {
    if (snapshot->taken.is_pending) continue;
    const bool is_new = snapshot->time_ms > since_ms;
    const bool went_before = snapshot->is_retired() && snapshot->retired.time_ms <= since_ms;
    const bool went_by_rule =
        snapshot->is_retired() && snapshot->retired.cause == RetireCause::rule && !went_before;
    out.taken += is_new ? 1 : 0;
    out.before += !is_new && !went_before ? 1 : 0;
    out.retired += went_by_rule ? 1 : 0;
  }
  return out;
}

Brake brake_of(const Series& series,
               const ExpirySeries& plan,
               std::int64_t now_ms,
               unsigned percent) {
  const Turnover week = turnover_since(series, now_ms - week_ms);
  const Turnover day = turnover_since(series, now_ms - week_ms / 7);
  Brake out{.retired = week.retired};
  for (const PlanLine& line : plan.lines) {
    if (!line.is_kept() && !line.is_past_maximum) ++out.planned;
  }
  const std::size_t share = std::max(braked_at_least, week.before * percent / 100);
  out.limit = percent >= 100 ? SIZE_MAX : week.taken + share;
  out.is_ordinary = day.retired + out.planned <= day.taken + 1;
  return out;
}

ExpirySeries plan_one(const State& state,
                      const PlanInput& input,
                      const Series& series,
                      unsigned brake_percent) {
  ExpirySeries out{.series = series.front()->series,
                   .source = series.back()->taken.source,
                   .policy = {},
                   .lines = {},
                   .brake = {}};
  const Policy& policy = policy_of(state, out.source, series.back()->author);
  out.policy = policy.name;
  std::vector<PlannedSnapshot> finished;
  std::vector<PlannedSnapshot> pending;
  for (const SnapshotPtr& snapshot : series) {
    (snapshot->taken.is_pending ? pending : finished).push_back(input.of(*snapshot));
  }
  const auto source = state.sources.find(out.source);
  out.lines = plan_series(policy, finished,
                          {.now_ms = input.now_ms(),
                           .has_ended = source != state.sources.end() && source->second.is_ended});
  out.brake = brake_of(series, out, input.now_ms(), brake_percent);
  for (const PlannedSnapshot& each : pending) {
    if (each.retirement == Retirement::none) {
      out.lines.push_back(pending_line(each, input.now_ms()));
    }
  }
  return out;
}

}  // namespace

PlanInput::PlanInput(const State& state, const ExpiryOptions& options)
    : state_(state),
      options_(options),
      held_(state),
      now_ms_(retention_time_ms(state, options.author, LockMode::governance, options.now_ms)),
      compliance_lag_ms_(
          now_ms_ - std::min(now_ms_,
                             retention_time_ms(
                                 state, options.author, LockMode::compliance, options.now_ms))) {}

PlannedSnapshot PlanInput::of(const SnapshotState& snapshot) const {
  const RetentionTerms terms = terms_of(state_, snapshot);
  PlannedSnapshot out;
  out.id = snapshot.taken.snapshot;
  out.started_ms = snapshot.taken.started_ms;
  out.is_partial = snapshot.taken.is_partial;
  out.is_hurt = options_.hurt.contains(out.id);
  out.is_suspicious = snapshot.taken.is_suspicious;
  out.matter = held_.matter_on(snapshot);
  if (snapshot.is_retired()) {
    const bool by_rule = snapshot.retired.cause == RetireCause::rule;
    out.retirement = by_rule ? Retirement::by_rule : Retirement::otherwise;
  }
  // Under compliance the minimum is over when others have seen so much time go by.
  const std::int64_t lag_ms = terms.lock == LockMode::compliance ? compliance_lag_ms_ : 0;
  out.minimum_ms = later_by(terms.minimum_ms, lag_ms);
  out.maximum_ms = terms.maximum_ms;
  if (snapshot.kept_until_ms != 0) out.unretired_ms = snapshot.kept_until_ms;
  return out;
}

std::vector<RetiredSnapshot> ExpirySeries::retirements() const {
  std::vector<RetiredSnapshot> out;
  for (const PlanLine& line : lines) {
    if (line.is_kept()) continue;
    if (line.is_past_maximum) {
      out.push_back({line.snapshot, RetireCause::maximum});
    } else if (!brake.is_on()) {
      out.push_back({line.snapshot, RetireCause::rule});
    }
  }
  return out;
}

std::vector<RetiredSnapshot> ExpiryPlan::retirements() const {
  std::vector<RetiredSnapshot> out;
  for (const ExpirySeries& each : series) {
    const std::vector<RetiredSnapshot> its = each.retirements();
    out.insert(out.end(), its.begin(), its.end());
  }
  std::ranges::sort(out, {}, &RetiredSnapshot::snapshot);
  return out;
}

bool ExpiryPlan::is_braked() const {
  return std::ranges::any_of(series, [](const ExpirySeries& each) { return each.brake.is_on(); });
}

ExpiryPlan plan_expiry(const State& state, const ExpiryOptions& options) {
  const PlanInput input(state, options);
  ExpiryPlan out{.now_ms = input.now_ms(), .series = {}};
  for (const auto& [id, series] : all_series(state)) {
    out.series.push_back(plan_one(state, input, series, options.brake_percent));
  }
  std::ranges::stable_sort(out.series, {}, &ExpirySeries::source);
  return out;
}

}  // namespace kist
