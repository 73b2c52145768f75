// What the law of the repository says of a snapshot: how long it is kept at least, what holds it,
// until when it can be restored. Pure functions of the state; which snapshots are retired is for
// plans to say, rules/expiry.h. docs/format.md, "Retention".
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/rules/policy.h"
#include "engine/rules/state.h"
#include "engine/rules/violation.h"

namespace kist {

struct RetentionTerms {
  std::int64_t minimum_ms = 0;               // before that time nobody retires it
  std::optional<std::int64_t> maximum_ms{};  // after that time it is to go
  LockMode lock = LockMode::governance;
};

// Of a snapshot, as they are in force now. A pending one has its source's grace for a minimum.
[[nodiscard]] RetentionTerms terms_of(const State& state, const SnapshotState& snapshot);

// The holds of a state, by what they cover. Copied, so later entries do not change it.
class HeldSnapshots {
 public:
  explicit HeldSnapshots(const State& state);

  // The matter of a hold on that snapshot; nothing where no hold covers it.
  [[nodiscard]] std::optional<std::string> matter_on(const SnapshotState& snapshot) const;

 private:
  std::optional<std::string> whole_;
  std::map<SnapshotId, std::string> snapshots_;
  std::map<std::string, std::string> sources_;  // those too that continue one that is held
};

// Until when a retired snapshot can be restored, if no hold is on it: its grace begins anew when
// the last one is lifted.
[[nodiscard]] std::int64_t restorable_until_ms(const State& state, const SnapshotState& snapshot);

// Which snapshots the law lets go, for an entry that claims a time and follows the state.
class RetentionJudge {
 public:
  RetentionJudge(const State& state, const SlotId& author, std::int64_t time_ms);

  [[nodiscard]] bool is_held(const SnapshotState& snapshot) const {
    return held_.matter_on(snapshot).has_value();
  }

  [[nodiscard]] bool is_minimum_over(const SnapshotState& snapshot) const;
  // Of a retired one.
  [[nodiscard]] bool is_grace_over(const SnapshotState& snapshot) const;

 private:
  [[nodiscard]] std::int64_t now_ms(LockMode lock) const {
    return lock == LockMode::compliance ? compliance_ms_ : governance_ms_;
  }

  const State& state_;
  HeldSnapshots held_;
  std::int64_t governance_ms_;
  std::int64_t compliance_ms_;
};

// Calls `each` with a source and those that it continues, one after the other, while it says so.
// It comes to an end: no source continues itself (V71).
void for_each_continued(const State& state,
                        const std::string& source,
                        const std::function<bool(const std::string&)>& each);

// Changes which policies are in force by `change`, at that entry, and notes for each source what
// became longer or stricter: that reaches the snapshots that it has.
void change_policies(State& state, std::uint64_t sequence, const std::function<void()>& change);

// Takes a source for a slot, by an owner's word; it goes on with the series that it has.
void bind_source(State& state, const std::string& source, const SlotId& slot);

// Takes its sources from a slot that is revoked: they keep the policy that they have through it.
void free_sources(State& state, const SlotId& slot);

// V74: whether an entry may name these snapshots: 1 to entry_snapshots_max, ascending.
MaybeViolation check_snapshots(const std::vector<SnapshotId>& snapshots);
inline constexpr std::size_t entry_snapshots_max = 4'096;

// Sources that a slot may begin by using them.
inline constexpr std::size_t used_sources_max = 256;
inline constexpr std::size_t matters_max = 1'024;
inline constexpr std::size_t matter_bytes_max = 64;
// Snapshots and sources that all holds together may name.
inline constexpr std::size_t held_parts_max = 65'536;

}  // namespace kist
