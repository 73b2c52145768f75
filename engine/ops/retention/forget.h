// Forgetting: retires snapshots by hand, those that are named or those that rules given for this
// once do not keep; and takes it back. Minimum, hold and lock bind here as everywhere.
// docs/format.md, "Retention".
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/ops/retention/retire.h"
#include "engine/repository/repository.h"
#include "engine/rules/expiry.h"

namespace kist {

struct ForgetOptions {
  std::vector<SnapshotId> snapshots;
  // With a reason an owner retires also what its minimum keeps, unless it is under compliance.
  std::string reason;
  bool may_take_last = false;  // the last whole snapshot of a source too
  bool is_junk = false;        // they are not what they should be: their places become free
};

struct ForgetResult {
  RetireResult done;
  std::vector<SnapshotId> shortened;  // whose minimum was not over
  std::vector<SnapshotId> skipped;    // that were retired already
};

// What would be done; nothing is written. Error{refused} for what may not be retired: held, younger
// than its minimum, under compliance, the last of its source, of a backup that is not finished.
ForgetResult plan_forget(const Repository& repository, const ForgetOptions& options);
ForgetResult forget(Repository& repository, const ForgetOptions& options);

// Rules for this once.
struct ForgetRules {
  // The snapshots that they choose from, and the group in which each is judged. Snapshots of
  // several slots in one group are refused: the one could push out the other's.
  std::map<SnapshotId, std::string> groups;
  std::set<SnapshotId> kept;               // whatever rules say
  std::function<void(Policy&)> set_rules;  // in a policy without any
};

struct ForgetGroup {
  std::string name;
  std::vector<PlanLine> lines;  // in journal order
};

struct ForgetPlan {
  std::vector<ForgetGroup> groups;

  [[nodiscard]] std::vector<RetiredSnapshot> retirements() const;
};

// Error{invalid} where the rules would keep nothing.
ForgetPlan plan_forget(const Repository& repository, const ForgetRules& rules);
RetireResult forget(Repository& repository, const ForgetRules& rules, const std::string& reason);

// The snapshots that this journal entry retired and that still are. Error{refused} where none is.
std::vector<SnapshotId> retired_by(const Repository& repository, std::uint64_t entry);

// Takes retirements back; until that time no rule retires them again. The sequence of the entry.
// Error{refused} without the capability `maintain`, or where one is not retired.
std::uint64_t unretire(Repository& repository, const SnapshotsUnretired& unretired);

}  // namespace kist
