#include "engine/ops/retention/forget.h"

#include <algorithm>
#include <optional>

#include "engine/ops/retention/freed_bytes.h"
#include "engine/rules/clock.h"
#include "engine/rules/keep_periods.h"
#include "engine/rules/retention.h"

namespace kist {

namespace {

std::string short_id(const SnapshotId& id) {
  return hex(id).substr(0, 10);
}

// Judges snapshots that are named, by the law and by what may go by hand.
class NamedSnapshots {
 public:
  NamedSnapshots(const Repository& repository,
                 const State& state,
                 const std::set<SnapshotId>& hurt,
                 const ForgetOptions& options)
      : repository_(repository),
        state_(state),
        hurt_(hurt),
        options_(options),
        held_(state),
        now_ms_(repository.services().clock.now_ms()) {}

  // Error{refused} for the first that may not go.
  ForgetResult judge() {
    for (const SnapshotId& id : options_.snapshots) {
      judge(id);
    }
    if (!options_.may_take_last) require_others();
    put_in_order(out_.shortened);
    std::ranges::sort(out_.done.retired, {}, &RetiredSnapshot::snapshot);
    return out_;
  }

 private:
  static void put_in_order(std::vector<SnapshotId>& ids) { std::ranges::sort(ids); }

  void judge(const SnapshotId& id) {
    const SnapshotState snapshot = state_.snapshots.at(id);
    if (snapshot.is_retired()) {
      out_.skipped.push_back(id);
      return;
    }
    if (!going_.insert(id).second) return;
    if (snapshot.taken.is_pending) {
      throw Error(Code::refused,
                  concat("snapshot ", short_id(id), " is of a backup that was not finished: it ",
                         "goes by itself, when the backup goes on or its grace is over"));
    }
    if (const auto matter = held_.matter_on(snapshot)) {
      throw Error(Code::refused,
                  concat("snapshot ", short_id(id), " is held by matter ", *matter,
                         ": only an owner lifts a hold (kist hold lift), and then it can go"));
    }
    judge_minimum(snapshot);
    const RetireCause cause = options_.is_junk ? RetireCause::junk : RetireCause::by_hand;
    out_.done.retired.push_back({id, cause});
  }

  void judge_minimum(const SnapshotState& snapshot) {
    const RetentionTerms terms = terms_of(state_, snapshot);
    const std::int64_t counted_ms =
        retention_time_ms(state_, repository_.keyring().slot(), terms.lock, now_ms_);
    if (counted_ms >= terms.minimum_ms) return;
    const std::string id = short_id(snapshot.taken.snapshot);
    const std::string until =
        concat("snapshot ", id, " is kept until ", minute_text(terms.minimum_ms), " at least");
    if (terms.lock == LockMode::compliance) {
      throw Error(Code::refused, concat(until, ": it is under compliance, which nobody shortens",
                                        lag_text(counted_ms, terms.minimum_ms)));
    }
    if (options_.reason.empty()) {
      throw Error(Code::refused,
                  concat(until, ", by the minimum of its policy. If it was a mistake, an owner ",
                         "forgets it all the same: kist forget ", id, " --reason TEXT"));
    }
    if ((repository_.capabilities() & can_own) == 0) {
      throw Error(Code::refused,
                  concat(until, "; only an owner's key shortens that, with a reason"));
    }
    out_.shortened.push_back(snapshot.taken.snapshot);
  }

  // Where this machine's clock is past the minimum, but what others have seen is not.
  [[nodiscard]] std::string lag_text(std::int64_t counted_ms, std::int64_t minimum_ms) const {
    if (now_ms_ < minimum_ms || counted_ms >= minimum_ms) return {};
    return concat(". By what other slots have seen it is ", minute_text(counted_ms),
                  " at most: have another slot write an entry, by a backup, say");
  }

  // Error{refused} where a series loses its last whole snapshot.
  void require_others() const {
    std::map<std::uint64_t, bool> has_whole;  // after what goes
    std::map<std::uint64_t, std::string> loses;
    for (const SnapshotPtr& snapshot : state_.live_snapshots()) {
      const bool counts = !snapshot->taken.is_pending && !snapshot->is_retired() &&
                          !snapshot->taken.is_partial && !hurt_.contains(snapshot->taken.snapshot);
      if (!counts) continue;
      if (going_.contains(snapshot->taken.snapshot)) {
        loses[snapshot->series] = snapshot->taken.source;
      } else {
        has_whole[snapshot->series] = true;
      }
    }
    for (const auto& [series, source] : loses) {
      if (has_whole.contains(series)) continue;
      throw Error(Code::refused, concat("no whole snapshot of ", source,
                                        " would be left; if that is meant, say --last-one"));
    }
  }

  const Repository& repository_;
  const State& state_;
  const std::set<SnapshotId>& hurt_;
  const ForgetOptions& options_;
  HeldSnapshots held_;
  std::int64_t now_ms_;
  std::set<SnapshotId> going_;
  ForgetResult out_;
};

void shorten(Repository& repository, const ForgetOptions& options) {
  const Journal::Writable writable = repository.journal().require_writable();
  std::vector<SnapshotId> due = plan_forget(repository, options).shortened;
  for (std::size_t i = 0; i < due.size(); i += entry_snapshots_max) {
    const std::size_t end = std::min(due.size(), i + entry_snapshots_max);
    const std::vector<SnapshotId> some(due.begin() + static_cast<std::ptrdiff_t>(i),
                                       due.begin() + static_cast<std::ptrdiff_t>(end));
    static_cast<void>(repository.journal().commit(writable, [&](const State& /*state*/) {
      return MinimumsShortened{.snapshots = some, .minimum_seconds = 0, .reason = options.reason};
    }));
  }
}

// The snapshots of each group, in journal order.
std::map<std::string, std::vector<SnapshotPtr>> grouped(const State& state,
                                                        const ForgetRules& rules) {
  std::map<std::string, std::vector<SnapshotPtr>> out;
  for (const SnapshotPtr& snapshot : state.live_snapshots()) {
    const auto group = rules.groups.find(snapshot->taken.snapshot);
    if (group == rules.groups.end() || snapshot->taken.is_pending) continue;
    out[group->second].push_back(snapshot);
  }
  return out;
}

// Several series in one group are of one slot.
void require_one_slot(const std::string& name, const std::vector<SnapshotPtr>& group) {
  for (const SnapshotPtr& snapshot : group) {
    const SnapshotState& first = *group.front();
    if (snapshot->series == first.series || snapshot->author == first.author) continue;
    throw Error(Code::refused,
                concat("group ", name, " has snapshots of several slots (sources ",
                       first.taken.source, " and ", snapshot->taken.source,
                       "): one machine could push out another's. Group by source, or name one "
                       "with --source"));
  }
}

ForgetGroup plan_group(const State& state,
                       const PlanInput& input,
                       const ForgetRules& rules,
                       const std::string& name,
                       const std::vector<SnapshotPtr>& group) {
  require_one_slot(name, group);
  const SnapshotState& newest = *group.back();
  const Policy& its = policy_of(state, newest.taken.source, newest.author);
  Policy policy;
  policy.name = its.name;
  policy.zone = its.zone;
  policy.interval = its.interval;
  rules.set_rules(policy);
  if (!has_rules(policy)) {
    throw Error(Code::invalid, "the rules keep nothing: give one at least, such as --keep-daily 7");
  }
  std::vector<PlannedSnapshot> planned;
  planned.reserve(group.size());
  for (const SnapshotPtr& snapshot : group) {
    planned.push_back(input.of(*snapshot));
  }
  ForgetGroup out{.name = name, .lines = plan_series(policy, planned, {.now_ms = input.now_ms()})};
  for (PlanLine& line : out.lines) {
    if (rules.kept.contains(line.snapshot)) {
      line.is_past_maximum = false;
      line.reasons.insert(line.reasons.begin(), KeepReason{.kind = KeepKind::tagged});
    }
  }
  return out;
}

ForgetPlan plan_in(const Repository& repository,
                   const State& state,
                   const std::set<SnapshotId>& hurt,
                   const ForgetRules& rules) {
  const ExpiryOptions options{.now_ms = repository.services().clock.now_ms(),
                              .author = repository.keyring().slot(),
                              .hurt = hurt};
  const PlanInput input(state, options);
  ForgetPlan out;
  for (const auto& [name, group] : grouped(state, rules)) {
    out.groups.push_back(plan_group(state, input, rules, name, group));
  }
  return out;
}

}  // namespace

ForgetResult plan_forget(const Repository& repository, const ForgetOptions& options) {
  prepare_retirement(repository);
  return NamedSnapshots(repository, repository.state(), find_hurt(repository), options).judge();
}

ForgetResult forget(Repository& repository, const ForgetOptions& options) {
  ForgetResult out = plan_forget(repository, options);
  if (!out.shortened.empty()) shorten(repository, options);
  if (out.done.retired.empty()) return out;
  const std::set<SnapshotId> hurt = find_hurt(repository);
  out.done = retire(repository, options.reason, [&](const State& state) {
    return NamedSnapshots(repository, state, hurt, options).judge().done.retired;
  });
  return out;
}

std::vector<RetiredSnapshot> ForgetPlan::retirements() const {
  std::vector<RetiredSnapshot> out;
  for (const ForgetGroup& group : groups) {
    for (const PlanLine& line : group.lines) {
      if (!line.is_kept()) out.push_back({line.snapshot, RetireCause::by_hand});
    }
  }
  std::ranges::sort(out, {}, &RetiredSnapshot::snapshot);
  return out;
}

ForgetPlan plan_forget(const Repository& repository, const ForgetRules& rules) {
  prepare_retirement(repository);
  return plan_in(repository, repository.state(), find_hurt(repository), rules);
}

RetireResult forget(Repository& repository, const ForgetRules& rules, const std::string& reason) {
  prepare_retirement(repository);
  const std::set<SnapshotId> hurt = find_hurt(repository);
  return retire(repository, reason, [&](const State& state) {
    return plan_in(repository, state, hurt, rules).retirements();
  });
}

std::vector<SnapshotId> retired_by(const Repository& repository, std::uint64_t entry) {
  std::vector<SnapshotId> out;
  for (const SnapshotPtr& snapshot : repository.state().live_snapshots()) {
    const bool is_its = entry != 0 && snapshot->retired.sequence == entry;
    if (is_its) out.push_back(snapshot->taken.snapshot);
  }
  if (!out.empty()) return out;
  throw Error(Code::refused, concat("no snapshot is retired by entry ", entry,
                                    " (kist journal list shows the entries that retire)"));
}

std::uint64_t unretire(Repository& repository, const SnapshotsUnretired& unretired) {
  repository.require(can_maintain);
  SnapshotsUnretired act = unretired;
  std::ranges::sort(act.snapshots);
  act.snapshots.erase(std::unique(act.snapshots.begin(), act.snapshots.end()), act.snapshots.end());
  const Journal::Writable writable = repository.journal().require_writable();
  return repository.journal()
      .commit(writable,
              [&](const State& state) {
                for (const SnapshotId& id : act.snapshots) {
                  const std::optional<SnapshotState> snapshot = state.snapshots.find(id);
                  if (snapshot && snapshot->is_retired()) continue;
                  throw Error(Code::refused, concat("snapshot ", short_id(id),
                                                    " is not retired: there is nothing to take "
                                                    "back"));
                }
                return Act(act);
              })
      .sequence;
}

}  // namespace kist
