#include "engine/rules/retention.h"

#include <algorithm>

#include "engine/rules/clock.h"

namespace kist {

namespace {

// 0 is none: the longest of all.
bool is_longer(std::uint64_t maximum_seconds, std::uint64_t than_seconds) {
  if (than_seconds == 0) return false;
  return maximum_seconds == 0 || maximum_seconds > than_seconds;
}

// What `change` says is all in `later` too. Compliance fixes a maximum, so it is never covered.
bool is_covered(const RetentionChange& change, const RetentionChange& later) {
  return change.lock == LockMode::governance && change.minimum_seconds <= later.minimum_seconds &&
         !is_longer(change.maximum_seconds, later.maximum_seconds);
}

RetentionChange terms_in(const Policy& policy) {
  return {.sequence = 0,
          .minimum_seconds = policy.minimum_seconds,
          .maximum_seconds = policy.maximum_seconds,
          .lock = policy.lock};
}

void note_change(SourceState& source, const RetentionChange& before, RetentionChange after) {
  const bool reaches = after.minimum_seconds > before.minimum_seconds || after.lock > before.lock ||
                       is_longer(after.maximum_seconds, before.maximum_seconds);
  if (!reaches) return;
  // Those before compliance began are not touched: what it has fixed is made of them.
  while (!source.changes.empty() && is_covered(source.changes.back(), after)) {
    source.changes.pop_back();
  }
  source.changes.push_back(after);
}

// Minimum, maximum and lock of a finished snapshot, in seconds.
RetentionChange fixed_terms(const State& state, const SnapshotState& snapshot) {
  RetentionChange out{.sequence = snapshot.sequence,
                      .minimum_seconds = snapshot.taken.minimum_seconds,
                      .maximum_seconds = snapshot.taken.maximum_seconds,
                      .lock = snapshot.taken.lock};
  if (snapshot.shortened_by != 0) out.minimum_seconds = snapshot.shortened_seconds;
  const auto source = state.sources.find(snapshot.taken.source);
  if (source == state.sources.end()) return out;
  for (const RetentionChange& change : source->second.changes) {
    if (change.sequence < snapshot.sequence) continue;
    const bool is_bound = out.lock == LockMode::compliance;
    if (!is_bound && is_longer(change.maximum_seconds, out.maximum_seconds)) {
      out.maximum_seconds = change.maximum_seconds;
    }
    out.lock = std::max(out.lock, change.lock);
    if (change.sequence < snapshot.shortened_by) continue;
    out.minimum_seconds = std::max(out.minimum_seconds, change.minimum_seconds);
  }
  return out;
}

}  // namespace

RetentionTerms terms_of(const State& state, const SnapshotState& snapshot) {
  const std::int64_t from_ms = snapshot.counts_from_ms;
  if (snapshot.taken.is_pending) {
    const Policy& policy = policy_of(state, snapshot.taken.source, snapshot.author);
    return {.minimum_ms = seconds_after(from_ms, policy.grace_seconds)};
  }
  const RetentionChange terms = fixed_terms(state, snapshot);
  RetentionTerms out{.minimum_ms = seconds_after(from_ms, terms.minimum_seconds),
                     .lock = terms.lock};
  if (terms.maximum_seconds > 0) {
    out.maximum_ms = seconds_after(from_ms, std::max(terms.maximum_seconds, terms.minimum_seconds));
  }
  return out;
}

HeldSnapshots::HeldSnapshots(const State& state) {
  for (const auto& [matter, hold] : state.holds) {
    if (hold.is_whole && !whole_) whole_ = matter;
    for (const SnapshotId& snapshot : hold.snapshots) {
      snapshots_.emplace(snapshot, matter);
    }
    for (const std::string& source : hold.sources) {
      sources_.emplace(source, matter);
    }
  }
  if (sources_.empty()) return;
  const std::map<std::string, std::string> named = sources_;
  for (const auto& [source, row] : state.sources) {
    for_each_continued(state, source, [&, &name = source](const std::string& continued) {
      const auto found = named.find(continued);
      if (found != named.end()) sources_.emplace(name, found->second);
      return found == named.end();
    });
  }
}

std::optional<std::string> HeldSnapshots::matter_on(const SnapshotState& snapshot) const {
  const auto by_snapshot = snapshots_.find(snapshot.taken.snapshot);
  if (by_snapshot != snapshots_.end()) return by_snapshot->second;
  const auto by_source = sources_.find(snapshot.taken.source);
  if (by_source != sources_.end()) return by_source->second;
  return whole_;
}

std::int64_t restorable_until_ms(const State& state, const SnapshotState& snapshot) {
  std::int64_t from_ms = std::max({snapshot.retired.time_ms, snapshot.lifted_ms, state.lifted_ms});
  for_each_continued(state, snapshot.taken.source, [&](const std::string& source) {
    const auto found = state.sources.find(source);
    if (found != state.sources.end()) from_ms = std::max(from_ms, found->second.lifted_ms);
    return true;
  });
  return seconds_after(from_ms, snapshot.retired.grace_seconds);
}

RetentionJudge::RetentionJudge(const State& state, const SlotId& author, std::int64_t time_ms)
    : state_(state),
      held_(state),
      governance_ms_(retention_time_ms(state, author, LockMode::governance, time_ms)),
      compliance_ms_(retention_time_ms(state, author, LockMode::compliance, time_ms)) {}

bool RetentionJudge::is_minimum_over(const SnapshotState& snapshot) const {
  const RetentionTerms terms = terms_of(state_, snapshot);
  return now_ms(terms.lock) >= terms.minimum_ms;
}

bool RetentionJudge::is_grace_over(const SnapshotState& snapshot) const {
  return now_ms(terms_of(state_, snapshot).lock) >= restorable_until_ms(state_, snapshot);
}

void for_each_continued(const State& state,
                        const std::string& source,
                        const std::function<bool(const std::string&)>& each) {
  std::string name = source;
  while (each(name)) {
    const auto found = state.sources.find(name);
    if (found == state.sources.end() || found->second.continues.empty()) return;
    name = found->second.continues;
  }
}

void change_policies(State& state, std::uint64_t sequence, const std::function<void()>& change) {
  std::map<std::string, RetentionChange> before;
  for (const auto& [name, source] : state.sources) {
    before.emplace(name, terms_in(policy_of(state, name)));
  }
  change();
  for (auto& [name, source] : state.sources) {
    const auto former = before.find(name);
    if (former == before.end()) continue;
    RetentionChange after = terms_in(policy_of(state, name));
    after.sequence = sequence;
    note_change(source, former->second, after);
  }
}

void bind_source(State& state, const std::string& source, const SlotId& slot) {
  SourceState& row = state.sources[source];
  row.slot = slot;
  row.is_bound = slot != SlotId{};
  row.next_series = row.series;
}

void free_sources(State& state, const SlotId& slot) {
  for (auto& [name, source] : state.sources) {
    if (source.slot != slot) continue;
    if (source.policy.empty()) source.policy = state.slots.at(slot).policy;
    source.slot = {};
    source.is_bound = false;
  }
  state.slots.at(slot).policy.clear();
}

MaybeViolation check_snapshots(const std::vector<SnapshotId>& snapshots) {
  const bool are_in_order =
      !snapshots.empty() && snapshots.size() <= entry_snapshots_max &&
      std::ranges::adjacent_find(snapshots, std::ranges::greater_equal()) == snapshots.end();
  if (are_in_order) return std::nullopt;
  return Violation{74, "snapshots that are none, too many or out of order"};
}

}  // namespace kist
