#include <algorithm>

#include "cli/command.h"
#include "cli/plan_text.h"
#include "cli/policy_options.h"

namespace kist::cli {

namespace {

struct ForgetArguments {
  std::vector<std::string> snapshots;
  std::string reason;
  std::string source;
  std::string host;
  std::string path;
  std::vector<std::string> tags;
  std::vector<std::string> kept_tags;
  std::string group_by = "source";
  RuleOptions rules;
  bool has_rules = false;
  bool takes_last = false;
  bool is_junk = false;
  bool collects = false;
  bool is_dry_run = false;
};

struct UnretireArguments {
  std::vector<std::string> snapshots;
  std::string keep = "30d";
  std::uint64_t entry = 0;
  std::string reason;
};

bool has_tag(const SnapshotSummary& summary, const std::string& tag) {
  return summary.body && std::ranges::find(summary.body->tags, tag) != summary.body->tags.end();
}

bool has_any_tag(const SnapshotSummary& summary, const std::vector<std::string>& tags) {
  return std::ranges::any_of(tags, [&](const std::string& tag) { return has_tag(summary, tag); });
}

bool is_chosen(const SnapshotSummary& summary, const ForgetArguments& arguments) {
  if (!arguments.source.empty() && summary.state->taken.source != arguments.source) return false;
  if (!arguments.host.empty() && (!summary.body || summary.body->host != arguments.host)) {
    return false;
  }
  const bool has_path = arguments.path.empty() ||
                        (summary.body && std::ranges::find(summary.body->paths, arguments.path) !=
                                             summary.body->paths.end());
  return has_path && (arguments.tags.empty() || has_any_tag(summary, arguments.tags));
}

std::string joined(std::vector<std::string> texts) {
  std::ranges::sort(texts);
  std::string out;
  for (const std::string& each : texts) {
    out += concat(out.empty() ? "" : ", ", each);
  }
  return out;
}

std::vector<std::string> group_keys(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::string key = text.substr(at, end - at);
    at = end + 1;
    if (key.empty()) continue;
    const bool is_known = key == "source" || key == "host" || key == "paths" || key == "tags";
    if (!is_known) {
      throw Error(Code::invalid,
                  concat(key,
                         " is nothing to group by: source, host, paths, tags, or several of "
                         "them with commas between"));
    }
    out.push_back(key);
  }
  return out;
}

// The group in which a snapshot is judged. By source, that is its series: the number keeps apart
// two machines that had the name one after the other.
std::string group_of(const SnapshotSummary& summary, const std::vector<std::string>& keys) {
  std::string out;
  const auto add = [&](const std::string& part) { out += concat(out.empty() ? "" : "; ", part); };
  for (const std::string& key : keys) {
    if (key == "source") {
      add(concat(summary.state->taken.source, " since entry ", summary.state->series));
    } else if (!summary.body) {
      add("not readable");
    } else if (key == "host") {
      add(summary.body->host);
    } else {
      add(joined(key == "paths" ? summary.body->paths : summary.body->tags));
    }
  }
  return out;
}

// Whether an option says which snapshots rules choose from.
bool chooses(const ForgetArguments& arguments) {
  return !arguments.source.empty() || !arguments.host.empty() || !arguments.path.empty() ||
         !arguments.tags.empty() || arguments.group_by != "source";
}

// What needs the description of a snapshot, and not its journal entry alone.
bool needs_bodies(const ForgetArguments& arguments) {
  return !arguments.host.empty() || !arguments.path.empty() || !arguments.tags.empty() ||
         !arguments.kept_tags.empty() || arguments.group_by != "source";
}

ForgetRules rules_of(const std::vector<SnapshotSummary>& summaries,
                     const ForgetArguments& arguments) {
  ForgetRules out;
  const std::vector<std::string> keys = group_keys(arguments.group_by);
  for (const SnapshotSummary& summary : summaries) {
    const SnapshotId& id = summary.state->taken.snapshot;
    if (!is_chosen(summary, arguments)) continue;
    out.groups.emplace(id, group_of(summary, keys));
    if (has_any_tag(summary, arguments.kept_tags)) out.kept.insert(id);
  }
  out.set_rules = [&](Policy& policy) { set_rules(policy, arguments.rules); };
  return out;
}

Exit report_rules_plan(const Session& session,
                       const Repository& repository,
                       const PlannedRows& rows,
                       const ForgetPlan& plan) {
  const std::vector<RetiredSnapshot> retired = plan.retirements();
  const std::optional<std::uint64_t> freed = estimate_freed_bytes(repository, retired);
  PlanTable table(rows);
  for (const ForgetGroup& group : plan.groups) {
    for (const PlanLine& line : group.lines) {
      table.add(line);
    }
  }
  if (session.options.is_json) {
    Json json = {{"dry_run", true}, {"plan", table.json()}};
    if (freed) json["freed_bytes"] = *freed;
    print_json(json);
    return Exit::done;
  }
  table.print();
  print_line(concat("dry run: ", count_of_snapshots(retired.size()), " would be retired",
                    freed_text(freed), "; nothing was written"));
  return Exit::done;
}

// Which snapshots these are, a line each.
void print_retired(const Repository& repository, const std::vector<RetiredSnapshot>& retired) {
  for (const RetiredSnapshot& each : retired) {
    const SnapshotPlace place = place_of(repository, each.snapshot);
    print_line(concat("  ", hex(each.snapshot).substr(0, 10), "  ", local_time(place.started_ms),
                      "  ", printable(place.source)));
  }
}

struct RetiredReport {
  const Repository& repository;
  ForgetResult result;
  bool is_dry_run = false;
};

Exit report_retired(const Session& session, const RetiredReport& report) {
  const auto& [repository, result, is_dry_run] = report;
  if (session.options.is_json) {
    Json retired = Json::array();
    for (const RetiredSnapshot& each : result.done.retired) {
      retired.push_back(hex(each.snapshot));
    }
    print_json({{"dry_run", is_dry_run},
                {"entries", result.done.entries},
                {"retired", retired},
                {"shortened", hex_list(result.shortened)},
                {"already_retired", hex_list(result.skipped)}});
    return Exit::done;
  }
  for (const SnapshotId& id : result.skipped) {
    print_line(concat(hex(id).substr(0, 10), " was retired already"));
  }
  print_retired(repository, result.done.retired);
  const std::string minimum = result.shortened.empty()
                                  ? ""
                                  : concat(", the minimum of ", result.shortened.size(),
                                           is_dry_run ? " would be shortened" : " was shortened");
  const std::string count = count_of_snapshots(result.done.retired.size());
  if (is_dry_run) {
    print_line(concat("would retire ", count, minimum, "; nothing was written"));
  } else if (!result.done.retired.empty()) {
    print_line(concat("retired ", count, with_entries(result.done.entries), minimum,
                      "; kist unretire --entry ", result.done.entries.front(),
                      " takes it back until the grace is over"));
  }
  return Exit::done;
}

Exit run_forget_rules(Session& session, const ForgetArguments& arguments) {
  Repository repository = session.open();
  require_capability(repository, can_maintain);
  const std::vector<SnapshotSummary> summaries =
      needs_bodies(arguments) ? list_snapshots(repository) : list_journal_snapshots(repository);
  const ForgetRules rules = rules_of(summaries, arguments);
  PlannedRows rows;
  for (const SnapshotSummary& summary : summaries) {
    rows.emplace(summary.state->taken.snapshot,
                 PlannedRow{summary.state->taken.started_ms, summary.state->taken.source});
  }
  if (rules.groups.empty()) {
    throw Error(Code::invalid, "no snapshot fits (kist snapshots shows what each is of)");
  }
  const ForgetPlan plan = plan_forget(repository, rules);
  if (arguments.is_dry_run) return report_rules_plan(session, repository, rows, plan);
  ForgetResult result;
  if (!plan.retirements().empty()) result.done = forget(repository, rules, arguments.reason);
  if (result.done.retired.empty() && !session.options.is_json) {
    print_line(
        "nothing is retired: rules, minimums or holds keep all of it (--dry-run says which)");
    return Exit::done;
  }
  return report_retired(session, {repository, result, false});
}

std::vector<SnapshotId> chosen_ids(const Repository& repository,
                                   const std::vector<std::string>& texts) {
  std::vector<SnapshotId> out;
  out.reserve(texts.size());
  for (const std::string& text : texts) {
    out.push_back(select(repository, text).snapshot->taken.snapshot);
  }
  return out;
}

Exit run_forget_named(Session& session, const ForgetArguments& arguments) {
  Repository repository = session.open();
  require_capability(repository, can_maintain);
  const ForgetOptions options{.snapshots = chosen_ids(repository, arguments.snapshots),
                              .reason = arguments.reason,
                              .may_take_last = arguments.takes_last,
                              .is_junk = arguments.is_junk};
  if (arguments.is_dry_run) {
    return report_retired(session, {repository, plan_forget(repository, options), true});
  }
  return report_retired(session, {repository, forget(repository, options), false});
}

Exit run_forget(Session& session, const ForgetArguments& arguments) {
  const bool is_named = !arguments.snapshots.empty();
  if (is_named && chooses(arguments)) {
    throw Error(Code::invalid,
                "--source, --host, --path, --tag and --group-by go with rules: a snapshot that is "
                "named is that one alone");
  }
  if (is_named == arguments.has_rules) {
    throw Error(Code::invalid, is_named ? "name snapshots, or give rules: not both"
                                        : "forget what? name snapshots, or give rules such as "
                                          "--keep-daily 7");
  }
  const Exit done =
      is_named ? run_forget_named(session, arguments) : run_forget_rules(session, arguments);
  const bool collects = arguments.collects && !arguments.is_dry_run && done == Exit::done;
  return collects ? collect_now(session) : done;
}

Exit run_unretire(Session& session, const UnretireArguments& arguments) {
  const std::uint64_t seconds = parse_retention(arguments.keep);
  Repository repository = session.open();
  require_capability(repository, can_maintain);
  if (arguments.snapshots.empty() == (arguments.entry == 0)) {
    throw Error(Code::invalid,
                "name snapshots, or with --entry the journal entry that retired them");
  }
  const std::vector<SnapshotId> ids = arguments.entry == 0
                                          ? chosen_ids(repository, arguments.snapshots)
                                          : retired_by(repository, arguments.entry);
  const std::int64_t until_ms =
      session.services().clock.now_ms() + static_cast<std::int64_t>(seconds) * 1000;
  const std::uint64_t entry = unretire(
      repository, {.snapshots = ids, .keep_until_ms = until_ms, .reason = arguments.reason});
  if (session.options.is_json) {
    print_json(
        {{"entry", entry}, {"unretired", hex_list(ids)}, {"keep_until", utc_time(until_ms)}});
  } else {
    print_line(concat("took back the retirement of ", count_of_snapshots(ids.size()),
                      " with journal entry ", entry, "; no rule retires them before ",
                      local_time(until_ms)));
  }
  return Exit::done;
}

void add_unretire(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("unretire", "Take back that snapshots were retired");
  auto arguments = std::make_shared<UnretireArguments>();
  command->add_option("snapshot", arguments->snapshots, "Snapshots");
  command
      ->add_option("--entry", arguments->entry,
                   "All that this journal entry retired (kist journal list)")
      ->type_name("NUMBER");
  command
      ->add_option("--keep", arguments->keep, "How long no rule retires them again (default 30d)")
      ->type_name("TIME");
  command->add_option("--reason", arguments->reason, "Why; kept in the journal");
  command->callback([&session, arguments] {
    session.action = [&session, arguments] { return run_unretire(session, *arguments); };
  });
}

}  // namespace

void add_forget(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand(
      "forget", "Retire snapshots by hand: those that are named, or that rules do not keep");
  auto arguments = std::make_shared<ForgetArguments>();
  command->add_option("snapshot", arguments->snapshots, "Snapshots");
  add_keep_options(*command, arguments->rules);
  command->add_option("--keep-tag", arguments->kept_tags, "Keep snapshots with this tag")
      ->take_all()
      ->allow_extra_args(false);
  command->add_option("--source", arguments->source, "Only snapshots of this source");
  command->add_option("--host", arguments->host, "Only snapshots from this host");
  command->add_option("--path", arguments->path, "Only snapshots of this path");
  command->add_option("--tag", arguments->tags, "Only snapshots with this tag")
      ->take_all()
      ->allow_extra_args(false);
  command
      ->add_option("-g,--group-by", arguments->group_by,
                   "Apply the rules to each source alone (default), or by host, paths, tags")
      ->type_name("LIST");
  command->add_option("--reason", arguments->reason,
                      "Why; kept in the journal. An owner who names snapshots and gives a reason "
                      "retires also what its minimum keeps");
  command->add_flag("--last-one", arguments->takes_last,
                    "Also the last whole snapshot of a source");
  command->add_flag("--junk", arguments->is_junk,
                    "They are not what they should be: others take their places (an owner's)");
  command->add_flag("--collect", arguments->collects,
                    "Then give back the space of what is past its grace, as kist collect does");
  command->add_flag("--dry-run", arguments->is_dry_run, "Show what would happen, change nothing");
  command->footer(
      "A retired snapshot can be restored until its grace is over; kist unretire takes it back.\n"
      "Examples:\n  kist forget 3f9a12bc\n"
      "  kist forget 3f9a12bc --reason \"the wrong directory\"\n"
      "  kist forget --keep-daily 7 --keep-weekly 4 --source desk --dry-run");
  command->callback([command, &session, arguments] {
    for (const CLI::Option* option : command->get_options()) {
      const bool is_rule = option->count() > 0 && option->get_name().starts_with("--keep-");
      if (is_rule) arguments->has_rules = true;
    }
    session.action = [&session, arguments] { return run_forget(session, *arguments); };
  });
  add_unretire(app, session);
}

}  // namespace kist::cli
