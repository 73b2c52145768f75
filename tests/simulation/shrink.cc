#include "tests/simulation/shrink.h"

namespace kist::test {

namespace {

constexpr int runs_max = 400;

class Shrinking {
 public:
  Shrinking(const Plan& plan, const std::function<PlanOutcome(const Plan&)>& run)
      : best_(plan), run_(run), faults_(run(plan).faults) {}

  Plan finish() {
    bool has_changed = true;
    while (has_changed && runs_ < runs_max) {
      has_changed = drop_acts();
      has_changed |= drop_rates();
      has_changed |= mute_faults();
    }
    return best_;
  }

 private:
  bool try_plan(const Plan& plan) {
    if (++runs_ > runs_max) return false;
    PlanOutcome outcome = run_(plan);
    if (!outcome.fails) return false;
    best_ = plan;
    faults_ = std::move(outcome.faults);
    return true;
  }

  bool drop_acts() {
    bool has_changed = false;
    for (std::size_t i = best_.acts.size(); i-- > 0;) {
      Plan plan = best_;
      plan.acts.erase(plan.acts.begin() + static_cast<std::ptrdiff_t>(i));
      has_changed |= try_plan(plan);
    }
    return has_changed;
  }

  bool drop_rates() {
    bool has_changed = false;
    constexpr unsigned Rates::*rates[] = {&Rates::error,  &Rates::lost,  &Rates::late,
                                          &Rates::denied, &Rates::crash, &Rates::listing,
                                          &Rates::clock,  &Rates::damage};
    for (const auto rate : rates) {
      if (best_.rates.*rate == 0) continue;
      Plan plan = best_;
      plan.rates.*rate = 0;
      has_changed |= try_plan(plan);
    }
    if (best_.ends_calmly) {
      Plan plan = best_;
      plan.ends_calmly = false;
      has_changed |= try_plan(plan);
    }
    return has_changed;
  }

  bool mute_faults() {
    bool has_changed = false;
    const std::vector<std::string> faults = faults_;
    for (const std::string& fault : faults) {
      Plan plan = best_;
      if (plan.muted.insert(fault).second) has_changed |= try_plan(plan);
    }
    return has_changed;
  }

  Plan best_;
  const std::function<PlanOutcome(const Plan&)>& run_;
  std::vector<std::string> faults_;
  int runs_ = 1;
};

}  // namespace

Plan shrink(const Plan& plan, const std::function<PlanOutcome(const Plan&)>& run) {
  return Shrinking(plan, run).finish();
}

}  // namespace kist::test
