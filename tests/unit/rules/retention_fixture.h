// A repository with a past, for the tests of retention: entries at times that are said.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/rules/policy.h"
#include "engine/rules/retention.h"
#include "tests/unit/rules/rules_fixture.h"

namespace kist::test {

inline constexpr std::uint64_t law_day = 86'400;
inline constexpr std::int64_t law_day_ms = 86'400'000;
inline constexpr std::int64_t law_hour_ms = 3'600'000;
inline constexpr std::int64_t law_begin_ms = 1'700'000'000'000;  // in November 2023

inline const SlotId maintainer = sample_id<SlotId>(70);
inline const SlotId second_writer = sample_id<SlotId>(90);

inline SnapshotId snapshot_id(std::uint8_t number) {
  return sample_id<SnapshotId>(number);
}

// An entry of that time, in the epoch that is.
inline JournalEntry entry_at(const State& state,
                             const SlotId& author,
                             Act act,
                             std::int64_t time_ms) {
  JournalEntry out = next_entry(state, author, std::move(act));
  if (state.next_sequence > 0) {
    out.epoch_number = state.epoch_number;
    out.epoch = state.epoch;
  }
  out.time_ms = time_ms;
  return out;
}

inline JournalEntry doubted(JournalEntry entry) {
  entry.is_time_doubted = true;
  return entry;
}

// Commits an act at the time of the last one, or later. Returns the entry's number.
inline std::uint64_t add_act(State& state, const SlotId& author, Act act, std::int64_t ms = 0) {
  const JournalEntry entry = entry_at(state, author, std::move(act), state.last_ms + ms);
  commit(state, entry);
  return entry.sequence;
}

// An entry that says no more than its time.
inline std::uint64_t add_time(State& state, const SlotId& author, std::int64_t time_ms) {
  const JournalEntry entry = entry_at(state, author, StateRemade{sample_id<ClientId>(3)}, time_ms);
  commit(state, entry);
  return entry.sequence;
}

// What a slot would write that follows the law.
inline SnapshotTaken lawful_snapshot(const State& state,
                                     const SlotId& author,
                                     std::uint8_t number,
                                     const std::string& source = "laptop") {
  SnapshotTaken out = snapshot(number, source);
  fix_retention(out, policy_of(state, source, author));
  return out;
}

inline std::uint64_t add_snapshot(State& state,
                                  const SlotId& author,
                                  std::uint8_t number,
                                  const std::string& source = "laptop",
                                  std::int64_t ms = 0) {
  return add_act(state, author, lawful_snapshot(state, author, number, source), ms);
}

inline SnapshotState snapshot_row(const State& state, std::uint8_t number) {
  return state.snapshots.at(snapshot_id(number));
}

// The default policy but for its name, minimum and maximum in days, and its lock.
inline Policy policy_of_days(const std::string& name,
                             std::uint64_t minimum,
                             std::uint64_t maximum = 0,
                             LockMode lock = LockMode::governance) {
  Policy out;
  out.name = name;
  out.minimum_seconds = minimum * law_day;
  out.maximum_seconds = maximum * law_day;
  out.lock = lock;
  return out;
}

inline std::uint64_t set_policy(State& state, const Policy& policy) {
  return add_act(state, owner, PolicySet{.policy = policy, .reason = "a test"});
}

inline std::uint64_t assign_policy(State& state,
                                   const std::variant<std::string, SlotId>& subject,
                                   const std::string& policy) {
  return add_act(state, owner,
                 PolicyAssigned{.subject = subject, .policy = policy, .reason = "a test"});
}

inline SnapshotsRetired retiring(const std::vector<std::uint8_t>& numbers,
                                 RetireCause cause = RetireCause::by_hand) {
  SnapshotsRetired out;
  for (const std::uint8_t number : numbers) {
    out.snapshots.push_back({snapshot_id(number), cause});
  }
  return out;
}

inline HoldPlaced holding(const std::string& matter, HoldParts parts = {}) {
  return {.matter = matter, .reason = "a test", .parts = std::move(parts)};
}

inline HoldLifted lifting(const std::string& matter, HoldParts parts = {}) {
  return {.matter = matter, .reason = "a test", .parts = std::move(parts)};
}

// Its slots are revoked, and a new epoch begins.
inline void revoke_slots(State& state, const std::vector<SlotId>& revoked) {
  EpochEnded ended = new_epoch(state);
  ended.beginning =
      sample_beginning(static_cast<std::uint8_t>(10 + 7 * state.epoch_number), state.next_sequence);
  ended.revoked = revoked;
  std::erase_if(ended.boxes, [&](const NamedBox& box) {
    return std::ranges::find(revoked, box.slot) != revoked.end();
  });
  JournalEntry entry = ending(state, ended);
  entry.time_ms = state.last_ms;
  commit(state, entry);
}

// An owner, two writers, a reader and an operator; the owner's and the operator's times are there.
inline State law_state() {
  State state;
  commit(state, entry_at(state, owner, sample_genesis(), law_begin_ms));
  add_act(state, owner, slot(writer, writer_capabilities));
  add_act(state, owner, slot(second_writer, writer_capabilities));
  add_act(state, owner, slot(reader, reader_capabilities));
  add_act(state, owner, slot(maintainer, operator_capabilities));
  return state;
}

// Two slots but the owner's see so many days go by: what waits as long comes into force.
inline void pass_days(State& state, std::int64_t days) {
  add_time(state, writer, state.last_ms);
  add_time(state, writer, state.last_ms + days * law_day_ms);
}

// Puts a policy in force that has to wait, and assigns it; both through all their cooling-off.
inline void impose(State& state, const std::string& source, const Policy& policy) {
  set_policy(state, policy);
  pass_days(state, 4);
  assign_policy(state, source, policy.name);
  pass_days(state, 4);
}

inline std::int64_t minimum_days(const State& state, std::uint8_t number) {
  const SnapshotState row = snapshot_row(state, number);
  return (terms_of(state, row).minimum_ms - row.counts_from_ms) / law_day_ms;
}

// 0: none.
inline std::int64_t maximum_days(const State& state, std::uint8_t number) {
  const SnapshotState row = snapshot_row(state, number);
  const auto maximum_ms = terms_of(state, row).maximum_ms;
  return maximum_ms ? (*maximum_ms - row.counts_from_ms) / law_day_ms : 0;
}

inline LockMode lock_of(const State& state, std::uint8_t number) {
  return terms_of(state, snapshot_row(state, number)).lock;
}

}  // namespace kist::test
