#include "cli/policy_json.h"

namespace kist::cli {

namespace {

Json period_json(const Period& period) {
  return {{"months", period.months}, {"seconds", period.seconds}};
}

void add_rule(Json& json, const char* name, const KeepRule& rule) {
  if (rule.count > 0) {
    json[name] = rule.count;
  } else if (rule.window != Period()) {
    json[name] = period_json(rule.window);
  }
}

}  // namespace

// Rules and periods that are none have no key.
Json policy_json(const Policy& policy) {
  Json keep = Json::object();
  if (policy.last > 0) keep["last"] = policy.last;
  add_rule(keep, "hourly", policy.hourly);
  add_rule(keep, "daily", policy.daily);
  add_rule(keep, "weekly", policy.weekly);
  add_rule(keep, "monthly", policy.monthly);
  add_rule(keep, "quarterly", policy.quarterly);
  add_rule(keep, "yearly", policy.yearly);
  if (policy.within != Period()) keep["within"] = period_json(policy.within);
  Json out = {{"name", json_text(policy.name)},
              {"keep", keep},
              {"zone", json_text(policy.zone.empty() ? "UTC" : policy.zone)},
              {"minimum_seconds", policy.minimum_seconds},
              {"maximum_seconds", policy.maximum_seconds},
              {"grace_seconds", policy.grace_seconds},
              {"cooling_off_seconds", policy.cooling_off_seconds},
              {"lock", policy.lock == LockMode::compliance ? "compliance" : "governance"},
              {"allows_redaction", policy.allows_redaction},
              {"approvals", policy.approvals},
              {"notice_seconds", policy.notice_seconds}};
  if (policy.interval != Period()) out["expect"] = period_json(policy.interval);
  if (policy.tolerance_seconds > 0) out["tolerance_seconds"] = policy.tolerance_seconds;
  if (policy.restore_seconds > 0) out["restore_seconds"] = policy.restore_seconds;
  return out;
}

}  // namespace kist::cli
