// The options that say what a policy is: of `policy set`, and the rules among them of `forget`. An
// option that is not given changes nothing.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/report.h"
#include "engine/engine.h"

namespace kist::cli {

struct RuleOptions {
  std::string last;
  std::string hourly;
  std::string daily;
  std::string weekly;
  std::string monthly;
  std::string quarterly;
  std::string yearly;
  std::string within;
};

// Registers --daily and the like. With `has_prefix` --keep-daily, and restic's short forms and
// --keep-within-daily.
void add_rule_options(CLI::App& command, RuleOptions& options);
void add_keep_options(CLI::App& command, RuleOptions& options);
// Error{invalid} for what is no rule.
void set_rules(Policy& policy, const RuleOptions& options);

struct TermOptions {
  std::string expect;
  std::string zone;
  std::string minimum;
  std::string maximum;
  std::string grace;
  std::string cooling_off;
  std::string notice;
  std::string restore_within;
  std::string lock;
  std::string redaction;
  std::uint32_t approvals = 0;
};

void add_term_options(CLI::App& command, TermOptions& options);
void set_terms(Policy& policy, const TermOptions& options);

// "7y", as the law counts: a year is 366 days, a month 31. Error{invalid} for anything else.
std::uint64_t parse_retention(const std::string& text);

}  // namespace kist::cli
