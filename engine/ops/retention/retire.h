// Retiring snapshots: what expiry and forgetting share. A retirement is planned anew for each try
// to commit it, against the state that it will follow: what was held or retired meanwhile is not in
// it, so no entry is void for what somebody else did. docs/format.md, "Retention".
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/repository/repository.h"

namespace kist {

struct RetireResult {
  std::vector<std::uint64_t> entries;    // their sequences; none where nothing was left to do
  std::vector<RetiredSnapshot> retired;  // ascending within each entry
};

// What is to be retired in that state, ascending by snapshot.
using PlanRetirement = std::function<std::vector<RetiredSnapshot>(const State&)>;

// Commits as many entries as it takes until the plan is empty. Error{refused} without the
// capability `maintain`, or where this machine's clock is doubted.
RetireResult retire(Repository& repository, const std::string& reason, const PlanRetirement& plan);

// Before a plan is made: follows the journal, so that it is of the newest state. Error{refused}
// without the capability `maintain`, or where this machine's clock is doubted.
void prepare_retirement(const Repository& repository);

// Error{refused} where this machine's clock differs so much from what others have seen that a plan
// by it could retire what is not due.
void require_sure_clock(const Repository& repository);

}  // namespace kist
