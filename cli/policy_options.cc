#include "cli/policy_options.h"

#include <array>
#include <utility>

namespace kist::cli {

namespace {

using RuleMember = std::string RuleOptions::*;
using PolicyMember = KeepRule Policy::*;

struct RuleOption {
  const char* name;
  const char* period;
  char letter;  // restic's short form
  RuleMember option;
  PolicyMember rule;
};

constexpr std::array<RuleOption, 6> rule_options{
    {{"hourly", "hours", 'H', &RuleOptions::hourly, &Policy::hourly},
     {"daily", "days", 'd', &RuleOptions::daily, &Policy::daily},
     {"weekly", "weeks", 'w', &RuleOptions::weekly, &Policy::weekly},
     {"monthly", "months", 'm', &RuleOptions::monthly, &Policy::monthly},
     {"quarterly", "quarters", '\0', &RuleOptions::quarterly, &Policy::quarterly},
     {"yearly", "years", 'y', &RuleOptions::yearly, &Policy::yearly}}};

constexpr std::uint32_t unlimited = UINT32_MAX;

Period period_of(const std::string& text) {
  const auto out = parse_period(text);
  if (out) return *out;
  throw Error(Code::invalid, concat(text, " is not a time such as 12h, 30d, 6m or 2y6m"));
}

KeepRule rule_of(const std::string& text) {
  if (text == "unlimited" || text == "-1") return {.count = unlimited, .window = {}};
  const auto out = parse_keep_rule(text);
  if (out) return *out;
  throw Error(Code::invalid,
              concat(text, " is not a rule: a number such as 14, or a time such as 30d"));
}

void set_seconds(std::uint64_t& seconds, const std::string& text) {
  if (!text.empty()) seconds = parse_retention(text);
}

// "1d", or "1d+6h": the interval, and how late a snapshot may be.
void set_expectation(Policy& policy, const std::string& text) {
  if (text.empty()) return;
  if (text == "none") {
    policy.interval = {};
    policy.tolerance_seconds = 0;
    return;
  }
  const std::size_t plus = text.find('+');
  policy.interval = period_of(text.substr(0, plus));
  if (policy.interval.months > 12) {
    throw Error(Code::invalid, concat(text, " is more than a year: m is a month, min a minute"));
  }
  policy.tolerance_seconds =
      plus == std::string::npos ? 0 : seconds_of(period_of(text.substr(plus + 1)));
  if (policy.interval.months > 0 && policy.interval.seconds > 0) {
    throw Error(Code::invalid, concat(text, " mixes months and days: an interval is of one kind"));
  }
}

}  // namespace

void add_rule_options(CLI::App& command, RuleOptions& options) {
  command.add_option("--last,--keep-last", options.last, "Keep the newest N")->type_name("N");
  for (const RuleOption& each : rule_options) {
    command
        .add_option(concat("--", each.name, ",--keep-", each.name), options.*each.option,
                    concat("Keep one of each of the newest N ", each.period,
                           " that have any, or of those within a time such as 30d"))
        ->type_name("N|TIME");
  }
  command.add_option("--within,--keep-within", options.within, "Keep all that are younger")
      ->type_name("TIME");
}

void add_keep_options(CLI::App& command, RuleOptions& options) {
  command.add_option("-l,--keep-last", options.last, "Keep the newest N")->type_name("N");
  for (const RuleOption& each : rule_options) {
    const std::string letter =
        each.letter == '\0' ? "" : concat("-", std::string(1, each.letter), ",");
    command
        .add_option(concat(letter, "--keep-", each.name, ",--keep-within-", each.name),
                    options.*each.option,
                    concat("Keep one of each of the newest N ", each.period,
                           " that have any, or of those within a time such as 30d"))
        ->type_name("N|TIME");
  }
  command.add_option("--keep-within", options.within, "Keep all that are younger")
      ->type_name("TIME");
}

void set_rules(Policy& policy, const RuleOptions& options) {
  if (!options.last.empty()) {
    const KeepRule rule = rule_of(options.last);
    if (rule.window != Period()) {
      throw Error(Code::invalid, "--last takes a number; for a time there is --within");
    }
    policy.last = rule.count;
  }
  for (const RuleOption& each : rule_options) {
    const std::string& text = options.*each.option;
    if (!text.empty()) policy.*each.rule = rule_of(text);
  }
  if (!options.within.empty()) {
    policy.within = options.within == "0" ? Period() : period_of(options.within);
  }
}

void add_term_options(CLI::App& command, TermOptions& options) {
  command
      .add_option("--expect", options.expect,
                  "How often a snapshot is to come, such as 1d, or 1d+6h: at most 6 hours late; "
                  "none: no expectation")
      ->type_name("TIME");
  command.add_option("--zone", options.zone, "Whose days and weeks: a name such as Europe/Berlin")
      ->type_name("NAME");
  command
      .add_option("--minimum", options.minimum,
                  "Nobody retires a snapshot before; a year counts 366 days, a month 31")
      ->type_name("TIME");
  command.add_option("--maximum", options.maximum, "Older snapshots go, whatever rules say")
      ->type_name("TIME");
  command
      .add_option("--grace", options.grace,
                  "How long a retired snapshot can be restored at least (up to 1y)")
      ->type_name("TIME");
  command
      .add_option("--lock", options.lock,
                  "governance: an owner may shorten minimums, with a reason; compliance: nobody")
      ->check(CLI::IsMember({"governance", "compliance"}));
  command
      .add_option("--cooling-off", options.cooling_off,
                  "How long compliance waits before it begins or gets weaker (at least 72h)")
      ->type_name("TIME");
  command
      .add_option("--redaction", options.redaction,
                  "Whether an owner may remove single paths from snapshots before their minimum")
      ->check(CLI::IsMember({"yes", "no"}));
  command.add_option("--restore-within", options.restore_within, "How long a restore may take")
      ->type_name("TIME");
  command
      .add_option("--approvals", options.approvals,
                  "Owners who have to approve the repository's end; kept, and without effect yet")
      ->check(CLI::Range(1U, 255U));
  command
      .add_option("--notice", options.notice, "Time before that end; kept, and without effect yet")
      ->type_name("TIME");
}

void set_terms(Policy& policy, const TermOptions& options) {
  set_expectation(policy, options.expect);
  if (!options.zone.empty()) {
    static_cast<void>(Zone(options.zone));  // Error{invalid} for a name that is none
    policy.zone = options.zone == "UTC" ? "" : options.zone;
  }
  set_seconds(policy.minimum_seconds, options.minimum);
  set_seconds(policy.maximum_seconds, options.maximum);
  set_seconds(policy.grace_seconds, options.grace);
  set_seconds(policy.cooling_off_seconds, options.cooling_off);
  set_seconds(policy.notice_seconds, options.notice);
  set_seconds(policy.restore_seconds, options.restore_within);
  if (!options.lock.empty()) {
    policy.lock = options.lock == "compliance" ? LockMode::compliance : LockMode::governance;
  }
  if (!options.redaction.empty()) policy.allows_redaction = options.redaction == "yes";
  if (options.approvals > 0) policy.approvals = options.approvals;
}

std::uint64_t parse_retention(const std::string& text) {
  if (text == "0" || text == "none") return 0;
  return seconds_of(period_of(text));
}

}  // namespace kist::cli
