// Random histories of a repository for the properties of retention: entries of owners, an operator,
// writers and whoever has taken one of them over, with times that are right, wrong or doubted.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <rapidcheck.h>

#include "tests/unit/rules/retention_fixture.h"

namespace kist::test {

inline const SlotId watcher = sample_id<SlotId>(150);  // it audits

// Below that number, each as often whatever the size that rapidcheck is at.
inline std::size_t below(std::size_t count) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange<std::size_t>(0, count));
}

inline bool chance(std::size_t percent) {
  return below(100) < percent;
}

inline SlotId some_slot() {
  return *rc::gen::element(owner, maintainer, writer, second_writer, reader, watcher);
}

inline std::string some_source() {
  return *rc::gen::element<std::string>("laptop", "desk", "tablet");
}

inline std::string some_policy_name() {
  return *rc::gen::element<std::string>("default", "archive", "vault");
}

// Of a snapshot that there is, mostly.
inline SnapshotId some_snapshot(const State& state) {
  const std::vector<SnapshotPtr> all = state.all_snapshots();
  if (all.empty() || chance(5)) return snapshot_id(200);
  return all[below(all.size())]->taken.snapshot;
}

inline std::vector<SnapshotId> some_snapshots(const State& state) {
  std::set<SnapshotId> out{some_snapshot(state)};
  if (chance(40)) out.insert(some_snapshot(state));
  return {out.begin(), out.end()};
}

inline Policy some_retention_policy() {
  Policy out =
      policy_of_days(some_policy_name(), *rc::gen::element<std::uint64_t>(0, 1, 10, 30, 100));
  out.maximum_seconds = *rc::gen::element<std::uint64_t>(0, 100, 120, 200) * law_day;
  out.grace_seconds = *rc::gen::element<std::uint64_t>(0, 7, 30) * law_day;
  out.lock = chance(40) ? LockMode::compliance : LockMode::governance;
  return out;
}

inline SnapshotTaken some_taken(const State& state) {
  const auto number = static_cast<std::uint8_t>(state.next_sequence);
  SnapshotTaken out = snapshot(number, some_source());
  if (chance(15)) out = pending(out);
  if (!state.pending.empty() && chance(40)) {
    out.replaces = *state.pending.begin();
    const SnapshotTaken replaced = state.snapshots.at(out.replaces).taken;
    if (chance(80)) out.source = replaced.source;
  }
  return out;
}

inline HoldParts some_parts(const State& state) {
  switch (below(5)) {
    case 0:
      return {};
    case 1:
    case 2:
      return {.snapshots = some_snapshots(state), .sources = {}};
    default:
      return {.snapshots = {}, .sources = {some_source()}};
  }
}

inline SnapshotsRetired some_retirement(const State& state) {
  SnapshotsRetired out;
  for (const SnapshotId& id : some_snapshots(state)) {
    out.snapshots.push_back({id, *rc::gen::element(RetireCause::rule, RetireCause::junk)});
  }
  return out;
}

inline Act some_policy_act() {
  if (chance(50)) return PolicySet{.policy = some_retention_policy(), .reason = "a test"};
  if (chance(10)) return PolicyRemoved{.policy = some_policy_name(), .reason = ""};
  std::variant<std::string, SlotId> subject = some_source();
  if (chance(30)) subject = some_slot();
  return PolicyAssigned{
      .subject = subject, .policy = chance(20) ? "" : some_policy_name(), .reason = "a test"};
}

inline Act some_retention_act(const State& state) {
  switch (below(8)) {
    case 0:
      return HoldPlaced{.matter = *rc::gen::element<std::string>("17", "18"),
                        .reason = "",
                        .parts = some_parts(state)};
    case 1:
      return HoldLifted{.matter = *rc::gen::element<std::string>("17", "18"),
                        .reason = "",
                        .parts = some_parts(state)};
    case 2:
      return SnapshotsUnretired{.snapshots = some_snapshots(state), .reason = ""};
    case 3:
      return MinimumsShortened{
          .snapshots = some_snapshots(state),
          .minimum_seconds = *rc::gen::element<std::uint64_t>(0, 5, 20) * law_day,
          .reason = "a test"};
    default:
      return some_retirement(state);
  }
}

inline EpochEnded some_revocation(const State& state) {
  EpochEnded out = new_epoch(state);
  out.beginning = sample_beginning(static_cast<std::uint8_t>(10 + 7 * (state.epoch_number % 30)),
                                   state.next_sequence);
  const SlotId revoked = some_slot();
  if (std::erase_if(out.boxes, [&](const NamedBox& box) { return box.slot == revoked; }) > 0) {
    out.revoked = {revoked};
  }
  return out;
}

inline Act some_rare_act(const State& state) {
  switch (below(4)) {
    case 0:
      return ClockReset{"a test"};
    case 1:
      return state.epoch_number < 3 ? Act(some_revocation(state)) : Act(ClockReset{"a test"});
    case 2:
      return ProposalCancelled{
          .sequence = state.proposals.empty() ? 0 : state.proposals.front().sequence, .reason = ""};
    default:
      return SourceBound{.source = some_source(),
                         .slot = some_slot(),
                         .continues = chance(50) ? some_source() : "",
                         .is_ended = chance(20),
                         .reason = ""};
  }
}

inline Act some_act(const State& state) {
  const std::size_t kind = below(100);
  if (kind < 30) return some_taken(state);
  if (kind < 42) return StateRemade{sample_id<ClientId>(3)};
  if (kind < 62) return some_policy_act();
  if (kind < 92) return some_retention_act(state);
  return some_rare_act(state);
}

// The slot that a source belongs to, or one that may begin it.
inline SlotId some_writer(const State& state, const std::string& name) {
  const SlotId any = *rc::gen::element(writer, second_writer, maintainer);
  const auto source = state.sources.find(name);
  const bool is_free = source == state.sources.end() || source->second.slot == SlotId{};
  return is_free || chance(10) ? any : source->second.slot;
}

// Who may do that, mostly.
inline SlotId some_author(const State& state, const Act& act) {
  if (const auto* taken = std::get_if<SnapshotTaken>(&act))
    return some_writer(state, taken->source);
  const std::optional<Capabilities> needed = required_capability(act);
  const SlotId other = some_slot();
  const bool may = !needed || (state.slots.at(other).introduction.capabilities & *needed) != 0;
  return may || chance(10) ? other : owner;
}

inline std::int64_t some_time(const State& state, const SlotId& author, const Act& act) {
  const std::int64_t least = state.least_time_ms(author);
  if (std::holds_alternative<ClockReset>(act)) {
    return state.last_ms - *rc::gen::element<std::int64_t>(0, 1, 5, 60) * law_day_ms;
  }
  if (chance(3)) return least + *rc::gen::element<std::int64_t>(400, 4'000) * law_day_ms;
  if (chance(3)) return least - 1;
  return least + *rc::gen::element<std::int64_t>(0, 1, 24, 73, 200, 900) * law_hour_ms;
}

inline JournalEntry some_entry(const State& state) {
  Act act = some_act(state);
  const SlotId author = some_author(state, act);
  const std::int64_t time_ms = some_time(state, author, act);
  const bool is_ending = std::holds_alternative<EpochEnded>(act);
  JournalEntry out = entry_at(state, author, std::move(act), time_ms);
  if (is_ending) {
    out.epoch_number = state.epoch_number + 1;
    out.epoch = sample_id<EpochId>(static_cast<std::uint8_t>(220 + out.epoch_number));
  }
  out.is_time_doubted = chance(8);
  if (auto* taken = std::get_if<SnapshotTaken>(&out.act); taken != nullptr && chance(95)) {
    // In its own name: what the source of this author asks for.
    fix_retention(*taken, policy_of(state, taken->source, author));
  }
  return out;
}

inline void replay(State& state, const JournalEntry& entry) {
  const auto hash = sample_id<ObjectHash>(static_cast<std::uint8_t>(100 + state.next_sequence));
  if (const auto violation = validate(state, entry)) {
    apply_void(state, violation->reason, hash, entry.author);
  } else {
    apply(state, entry, hash);
  }
}

struct Step {
  const State& before;
  const JournalEntry& entry;
  bool is_valid = false;
  const State& after;
};

inline State first_state() {
  State out = law_state();
  add_act(out, owner, slot(watcher, auditor_capabilities));
  return out;
}

// A history from first_state() on; looks at each step.
inline void retention_history(const std::function<void(const Step&)>& look) {
  State state = first_state();
  const std::size_t count = 40 + below(100);
  for (std::size_t i = 0; i < count; ++i) {
    const JournalEntry entry = some_entry(state);
    State after = state;
    const bool is_valid = !validate(state, entry);
    replay(after, entry);
    look({state, entry, is_valid, after});
    state = std::move(after);
  }
}

}  // namespace kist::test
