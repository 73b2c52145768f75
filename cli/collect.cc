#include "cli/command.h"

namespace kist::cli {

namespace {

struct CollectArguments {
  std::string unused = "4%";
  std::string write_max;
  std::string grace;
  bool is_dry_run = false;
};

CollectOptions options_of(const CollectArguments& arguments) {
  CollectOptions out;
  out.unused_percent = parse_percent(arguments.unused);
  if (!arguments.write_max.empty()) out.write_bytes_max = parse_size(arguments.write_max);
  if (!arguments.grace.empty()) out.grace_seconds = parse_seconds(arguments.grace);
  return out;
}

std::string counted(std::uint64_t count, std::string_view one) {
  return concat(count, " ", one, count == 1 ? "" : "s");
}

Exit report_forecast(const Session& session, const CollectForecast& forecast) {
  const CollectionPlan& plan = forecast.plan;
  if (session.options.is_json) {
    print_json({{"dry_run", true},
                {"ending", hex_list(forecast.ending)},
                {"packs", plan.pack_count},
                {"bytes", plan.total_bytes},
                {"live_bytes", plan.live_bytes},
                {"dead_packs", plan.dead.size()},
                {"dead_bytes", plan.dead_bytes},
                {"rewritten_packs", plan.rewritten.size()},
                {"rewritten_bytes", plan.rewritten_bytes},
                {"write_bytes", plan.written_bytes},
                {"unused_bytes", plan.unused_bytes},
                {"free_bytes", plan.freed_bytes()},
                {"unproved_sets", forecast.unproved_sets},
                {"unnamed", forecast.unnamed_count},
                {"unnamed_bytes", forecast.unnamed_bytes},
                {"leftovers", forecast.leftover_count}});
    return Exit::done;
  }
  print_line(concat("packs       ", plan.pack_count, ", ", human_size(plan.total_bytes)));
  print_line(concat("would end   ", counted(forecast.ending.size(), "snapshot"),
                    " that were retired, and whose grace is over"));
  print_line(concat("would go    ", counted(plan.dead.size(), "pack"), " with nothing live, ",
                    human_size(plan.dead_bytes)));
  print_line(concat("would move  ", human_size(plan.written_bytes), " out of ",
                    counted(plan.rewritten.size(), "pack"), " of ",
                    human_size(plan.rewritten_bytes)));
  print_line(concat("would free  about ", human_size(plan.freed_bytes())));
  print_line(concat("would keep  about ", human_size(plan.unused_bytes), " of dead blocks"));
  if (forecast.unproved_sets > 0) {
    print_line(concat("unproved    ", counted(forecast.unproved_sets, "reference set"),
                      ": compared with their manifests first"));
  }
  if (forecast.unnamed_count > 0) {
    print_line(concat("unnamed     ", counted(forecast.unnamed_count, "object"), ", ",
                      human_size(forecast.unnamed_bytes),
                      ": of backups that were cut off, or are under way"));
  }
  if (forecast.leftover_count > 0) {
    print_line(
        concat("left over   ", counted(forecast.leftover_count, "object"), " that ended before"));
  }
  print_line("dry run: nothing was written");
  return Exit::done;
}

Exit report_result(const Session& session, const CollectResult& result) {
  if (session.options.is_json) {
    print_json({{"dry_run", false},
                {"entries", result.entries},
                {"ended_snapshots", result.ended_snapshots},
                {"replaced_sets", result.replaced_sets},
                {"written_bytes", result.written_bytes},
                {"removed", result.removed_objects},
                {"freed_bytes", result.freed_bytes},
                {"waiting_bytes", result.waiting_bytes},
                {"waiting_unnamed", result.condemned_unnamed}});
    return Exit::done;
  }
  if (result.entries == 0 && result.removed_objects == 0) {
    print_line("nothing is to be collected");
  } else {
    print_line(concat("freed ", human_size(result.freed_bytes), ", wrote ",
                      human_size(result.written_bytes), "; ",
                      counted(result.ended_snapshots, "snapshot"), " ended, ",
                      counted(result.removed_objects, "object"), " removed"));
  }
  if (result.waiting_bytes > 0) {
    print_line(concat(human_size(result.waiting_bytes),
                      " stand condemned: a later kist collect frees them, once their grace is "
                      "over"));
  }
  if (result.condemned_unnamed > 0) {
    print_line(concat(counted(result.condemned_unnamed, "object"),
                      " that no entry names stand condemned: a later kist collect removes what is "
                      "unnamed still"));
  }
  return Exit::done;
}

}  // namespace

Exit collect_now(Session& session) {
  Repository repository = session.open();
  return report_result(session, collect(repository, {}));
}

namespace {

Exit run_collect(Session& session, const CollectArguments& arguments) {
  const CollectOptions options = options_of(arguments);
  Repository repository = session.open();
  if (arguments.is_dry_run) return report_forecast(session, plan_collect(repository, options));
  return report_result(session, collect(repository, options));
}

void add_options(CLI::App* command, Session& session) {
  const std::string name = command->get_name();
  const bool is_other_name = name != "collect";
  if (is_other_name) command->group("");  // understood, and not shown
  command->description(
      "Give back the space of what is retired and past its grace, and of what is left over");
  auto arguments = std::make_shared<CollectArguments>();
  command
      ->add_option("--max-unused", arguments->unused,
                   "How much of what stays may be of dead blocks, whose packs are not stored again "
                   "for that (default 4%)")
      ->type_name("SHARE");
  command
      ->add_option("--max-write", arguments->write_max,
                   "How much to store again at most (default: no limit)")
      ->type_name("SIZE");
  command
      ->add_option("--grace", arguments->grace,
                   "How long something stands condemned before it goes (default: what is dead 0, "
                   "what no entry names 1d)")
      ->type_name("TIME");
  command->add_flag("--dry-run", arguments->is_dry_run, "Show what would happen, change nothing");
  command->footer("Examples:\n  kist collect --dry-run\n  kist collect --max-write 10GiB");
  command->callback([&session, arguments, name, is_other_name] {
    session.action = [&session, arguments, name, is_other_name] {
      if (is_other_name) session.console.notice(concat(name, ": this is kist collect"));
      return run_collect(session, *arguments);
    };
  });
}

}  // namespace

void add_collect(CLI::App& app, Session& session) {
  add_options(app.add_subcommand("collect"), session);
  add_options(app.add_subcommand("prune"), session);
  add_options(app.add_subcommand("compact"), session);
}

}  // namespace kist::cli
