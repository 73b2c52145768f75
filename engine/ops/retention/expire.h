// Expiry: applies the policies, and retires what they let go of. rules/expiry.h makes the plan.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "engine/ops/retention/retire.h"
#include "engine/repository/repository.h"
#include "engine/rules/expiry.h"

namespace kist {

struct ExpireOptions {
  std::vector<std::string> sources;  // only those; empty: all
  unsigned brake_percent = 25;       // see Brake; 100: none
};

// Writes nothing. What is hurt stands beside the line. Error{refused} without the capability
// `maintain`, or where this machine's clock is doubted; Error{invalid} for a source that has no
// snapshot.
ExpiryPlan plan_expire(const Repository& repository, const ExpireOptions& options);

struct ExpireResult {
  ExpiryPlan plan;  // as it was before
  RetireResult done;
};

// Retires what the plan says, but for series that the brake stops: the others are retired all the
// same, and the plan says which are stopped.
ExpireResult expire(Repository& repository, const ExpireOptions& options);

}  // namespace kist
