#include "cli/command.h"
#include "cli/plan_text.h"

namespace kist::cli {

namespace {

struct ExpireArguments {
  ExpireOptions expire;
  std::string brake = "25%";
  bool is_dry_run = false;
};

PlannedRows rows_of(const Repository& repository, const ExpiryPlan& plan) {
  PlannedRows out;
  for (const ExpirySeries& series : plan.series) {
    for (const PlanLine& line : series.lines) {
      const SnapshotPlace place = place_of(repository, line.snapshot);
      out.emplace(line.snapshot, PlannedRow{place.started_ms, place.source});
    }
  }
  return out;
}

Json series_json(const ExpirySeries& series) {
  Json out = {{"source", json_text(series.source)},
              {"policy", json_text(series.policy)},
              {"retire", series.retirements().size()},
              {"braked", series.brake.is_on()}};
  if (series.brake.is_on()) {
    out["braked_count"] = series.brake.planned;
    out["retired_in_seven_days"] = series.brake.retired;
    out["brake_limit"] = series.brake.limit;
  }
  return out;
}

constexpr std::size_t braked_named_max = 20;

// One line, however many sources there are; the plan has all of them.
void tell_brakes(Console& console, const ExpiryPlan& plan) {
  const ExpirySeries* first = nullptr;
  std::size_t count = 0;
  std::string names;
  for (const ExpirySeries& series : plan.series) {
    if (!series.brake.is_on()) continue;
    if (count++ == 0) first = &series;
    if (count > braked_named_max) continue;
    names += concat(names.empty() ? "" : ", ", printable(series.source));
  }
  if (first == nullptr) return;
  if (count > braked_named_max) names += concat(" and ", count - braked_named_max, " more");
  const std::string source = printable(first->source);
  console.notice(concat(
      "the brake is on for ", names, ": the rules of policy ", printable(first->policy),
      " would retire ", first->brake.planned, " snapshots of ", source, ", beside ",
      first->brake.retired, " of the last seven days, and more than ", first->brake.limit,
      " is not plausible; nothing of it is retired by rule. Look at kist expire --dry-run "
      "--source ",
      source, "; if that is what you want, run kist expire --source ", source, " --brake 100%"));
}

Exit report_expire_plan(const Session& session,
                        const Repository& repository,
                        const ExpiryPlan& plan) {
  const PlannedRows rows = rows_of(repository, plan);
  const std::vector<RetiredSnapshot> retired = plan.retirements();
  const std::optional<std::uint64_t> freed = estimate_freed_bytes(repository, retired);
  PlanTable table(rows);
  Json series = Json::array();
  for (const ExpirySeries& each : plan.series) {
    series.push_back(series_json(each));
    for (const PlanLine& line : each.lines) {
      table.add(line, each.brake.is_on());
    }
  }
  if (session.options.is_json) {
    Json json = {{"dry_run", true},
                 {"planned_for", utc_time(plan.now_ms)},
                 {"sources", series},
                 {"plan", table.json()}};
    if (freed) json["freed_bytes"] = *freed;
    print_json(json);
  } else {
    table.print();
    print_line(concat("dry run: ", count_of_snapshots(retired.size()), " of ", rows.size(),
                      " would be retired", freed_text(freed), "; nothing was written"));
  }
  return plan.is_braked() ? Exit::refused : Exit::done;
}

Exit run_expire(Session& session, const ExpireArguments& arguments) {
  ExpireOptions options = arguments.expire;
  options.brake_percent = parse_percent(arguments.brake);
  Repository repository = session.open();
  if (arguments.is_dry_run) {
    const ExpiryPlan plan = plan_expire(repository, options);
    tell_brakes(session.console, plan);
    return report_expire_plan(session, repository, plan);
  }
  const ExpireResult result = expire(repository, options);
  tell_brakes(session.console, result.plan);
  if (session.options.is_json) {
    Json series = Json::array();
    for (const ExpirySeries& each : result.plan.series) {
      series.push_back(series_json(each));
    }
    Json retired = Json::array();
    for (const RetiredSnapshot& each : result.done.retired) {
      retired.push_back({{"snapshot", hex(each.snapshot)}, {"cause", cause_text(each.cause)}});
    }
    print_json({{"dry_run", false},
                {"planned_for", utc_time(result.plan.now_ms)},
                {"entries", result.done.entries},
                {"sources", series},
                {"retired", retired}});
  } else if (result.done.retired.empty()) {
    print_line(result.plan.is_braked() ? "nothing was retired" : "nothing is to be retired");
  } else {
    print_line(concat("retired ", count_of_snapshots(result.done.retired.size()),
                      with_entries(result.done.entries),
                      "; they can be restored until their grace is over (kist snapshots --all)"));
  }
  return result.plan.is_braked() ? Exit::refused : Exit::done;
}

}  // namespace

void add_expire(CLI::App& app, Session& session) {
  CLI::App* command =
      app.add_subcommand("expire", "Apply the policies: retire the snapshots that are due");
  auto arguments = std::make_shared<ExpireArguments>();
  command->add_option("--source", arguments->expire.sources, "Only snapshots of this source")
      ->take_all()
      ->allow_extra_args(false);
  command
      ->add_option("--brake", arguments->brake,
                   "How much of a source's snapshots rules may retire within seven days, beyond "
                   "as many as were taken (default 25%; 100%: no limit)")
      ->type_name("SHARE");
  command->add_flag("--dry-run", arguments->is_dry_run,
                    "Show what would become of each snapshot and why, change nothing");
  command->footer("Examples:\n  kist expire --dry-run\n  kist expire --source desk");
  command->callback([&session, arguments] {
    session.action = [&session, arguments] { return run_expire(session, *arguments); };
  });
}

}  // namespace kist::cli
