// What expiry would retire now, with a reason for each snapshot: the policies of all sources,
// applied to the state. Pure: the clock is an argument, and so is what is known to be damaged. The
// rules of one series are rules/keep_plan.h; what may be retired at all is the law's. A plan never
// asks the law for what it would refuse.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "engine/rules/keep_plan.h"
#include "engine/rules/retention.h"
#include "engine/rules/state.h"

namespace kist {

struct ExpiryOptions {
  std::int64_t now_ms = 0;  // of the machine's clock
  SlotId author;            // whose entry it would be
  std::set<SnapshotId> hurt{};
  // How much of a series may be retired by rule within seven days; see Brake. 100: no brake.
  unsigned brake_percent = 25;
};

// Stops an implausible plan, such as that of a policy with a typing error. By the journal, because
// somebody who plans every few minutes would pass any limit of a single plan. The limit is a share
// of what was live seven days ago, at least ten, and as many as were taken since: those push out as
// many in the ordinary course of things. So does each day: a plan that takes no more than that is
// let pass. docs/decisions/0035-brake.md.
struct Brake {
  std::size_t planned = 0;  // to be retired by rule
  std::size_t retired = 0;  // by rule, in the last seven days
  std::size_t limit = 0;
  bool is_ordinary = false;  // the last day's and the planned ones are at most one more than taken
  bool operator==(const Brake&) const = default;

  [[nodiscard]] bool is_on() const {
    return planned > 0 && retired + planned > limit && !is_ordinary;
  }
};

// The plan for one series.
struct ExpirySeries {
  std::uint64_t series = 0;
  std::string source;  // the name that its newest snapshot has
  std::string policy;
  std::vector<PlanLine> lines;  // in journal order
  Brake brake;

  // What is to be retired: while the brake is on, nothing by rule.
  [[nodiscard]] std::vector<RetiredSnapshot> retirements() const;
};

struct ExpiryPlan {
  std::int64_t now_ms = 0;  // that it was made for: at most seven days after what slots have seen
  std::vector<ExpirySeries> series;  // by the names of their sources

  // Ascending by snapshot, as an entry names them.
  [[nodiscard]] std::vector<RetiredSnapshot> retirements() const;
  [[nodiscard]] bool is_braked() const;
};

// Error{invalid} or {failed} where the zone of a policy is not to be had on this machine.
[[nodiscard]] ExpiryPlan plan_expiry(const State& state, const ExpiryOptions& options);

// Snapshots as plans see them.
class PlanInput {
 public:
  PlanInput(const State& state, const ExpiryOptions& options);

  [[nodiscard]] PlannedSnapshot of(const SnapshotState& snapshot) const;

  [[nodiscard]] std::int64_t now_ms() const { return now_ms_; }

 private:
  const State& state_;
  const ExpiryOptions& options_;
  HeldSnapshots held_;
  std::int64_t now_ms_;
  std::int64_t compliance_lag_ms_;  // how far what others have seen is behind `now_ms_`
};

}  // namespace kist
