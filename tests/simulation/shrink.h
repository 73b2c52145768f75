// Makes a plan smaller that fails: without an act, a kind of fault, one fault, as long as it still
// fails.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/simulation/plan.h"

namespace kist::test {

// Whether a run of the plan fails; and the faults that befell it.
struct PlanOutcome {
  bool fails = false;
  std::vector<std::string> faults{};
};

// Runs a plan a few hundred times at most.
Plan shrink(const Plan& plan, const std::function<PlanOutcome(const Plan&)>& run);

}  // namespace kist::test
