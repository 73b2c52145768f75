#include "cli/command.h"

namespace kist::cli {

namespace {

struct SnapshotsArguments {
  std::string source;
  std::string host;
  std::string tag;
  bool has_problems = false;
  bool has_retired = false;
};

// "retired, restorable until 2026-12-05 08:00:00"
std::string retirement_text(const SnapshotSummary& summary) {
  if (summary.matter) return concat("retired, held by matter ", printable(*summary.matter));
  return concat("retired, restorable until ", local_time(*summary.restorable_until_ms));
}

// What a person should know of a snapshot beside its source.
std::string state_text(const SnapshotSummary& summary) {
  if (summary.state->is_retired()) return concat(" (", retirement_text(summary), ")");
  return summary.state->taken.is_pending ? " (incomplete)" : "";
}

bool fits(const SnapshotSummary& summary, const SnapshotsArguments& arguments) {
  if (!arguments.source.empty() && summary.state->taken.source != arguments.source) return false;
  if (!arguments.host.empty() && (!summary.body || summary.body->host != arguments.host))
    return false;
  if (arguments.tag.empty()) return true;
  return summary.body &&
         std::ranges::find(summary.body->tags, arguments.tag) != summary.body->tags.end();
}

std::string openness_name(Openness openness) {
  switch (openness) {
    case Openness::opens:
      return "opens";
    case Openness::invalid:
      return "invalid";
    case Openness::absent:
      return "absent";
    case Openness::damaged:
      return "damaged";
  }
  return "";
}

Json to_json(const SnapshotSummary& summary) {
  const SnapshotTaken& taken = summary.state->taken;
  Json json = {{"id", hex(taken.snapshot)},
               {"time", utc_time(summary.state->time_ms)},
               {"source", json_text(taken.source)},
               {"slot", hex(summary.state->author)},
               {"sequence", summary.state->sequence},
               {"pending", taken.is_pending},
               {"policy", json_text(taken.policy)},
               {"minimum_seconds", taken.minimum_seconds},
               {"maximum_seconds", taken.maximum_seconds},
               {"retired", summary.state->is_retired()}};
  if (summary.restorable_until_ms) {
    json["restorable_until"] = utc_time(*summary.restorable_until_ms);
  }
  if (summary.matter) json["held"] = json_text(*summary.matter);
  if (summary.body) {
    json["host"] = json_text(summary.body->host);
    json["paths"] = text_list(summary.body->paths);
    json["tags"] = text_list(summary.body->tags);
    json["description"] = json_text(summary.body->description);
    Json problems = Json::array();
    for (const SnapshotProblem& problem : summary.body->problems) {
      problems.push_back(
          {{"path", json_text("/" + problem.path)}, {"text", json_text(problem.text)}});
    }
    json["problems"] = problems;
  }
  json["openness"] = openness_name(summary.openness);
  if (summary.statistics) {
    json["statistics"] = statistics_json(summary.state->taken.started_ms, *summary.statistics);
  }
  return json;
}

std::string joined_paths(const SnapshotSummary& summary) {
  std::string out;
  if (!summary.body) return out;
  for (const std::string& path : summary.body->paths) {
    if (!out.empty()) out += " ";
    out += printable(path);
  }
  return out;
}

// The paths that could not be read, or changed while they were read.
void print_problems(const SnapshotSummary& summary) {
  if (!summary.statistics || summary.statistics->problems == 0) return;
  print_line(concat("\n", hex(summary.state->taken.snapshot).substr(0, 10), ": ",
                    summary.statistics->problems, " problems"));
  if (!summary.body) return;
  for (const SnapshotProblem& problem : summary.body->problems) {
    print_line(concat("  ", printable("/" + problem.path), ": ", printable(problem.text)));
  }
}

// Takes out the retired ones, and says how many these are.
std::size_t hide_retired(std::vector<SnapshotSummary>& shown) {
  return std::erase_if(shown,
                       [](const SnapshotSummary& summary) { return summary.state->is_retired(); });
}

Exit run_snapshots(Session& session, const SnapshotsArguments& arguments) {
  Repository repository = session.open();
  Json list = Json::array();
  Table table({"SNAPSHOT", "TIME", "SOURCE", "FILES", "SIZE", "STORED", "PATHS"});
  for (const unsigned column : {3U, 4U, 5U}) {
    table.align_right(column);
  }
  std::vector<SnapshotSummary> shown = list_snapshots(repository);
  const bool is_whole = std::ranges::all_of(shown, [](const SnapshotSummary& summary) {
    return (summary.statistics && summary.openness == Openness::opens) || summary.is_given_up;
  });
  std::erase_if(shown, [&](const SnapshotSummary& summary) { return !fits(summary, arguments); });
  const std::size_t hidden = arguments.has_retired ? 0 : hide_retired(shown);
  for (const SnapshotSummary& summary : shown) {
    list.push_back(to_json(summary));
    const std::string id = hex(summary.state->taken.snapshot).substr(0, 10);
    const std::string source = printable(summary.state->taken.source);
    if (!summary.statistics || summary.openness != Openness::opens) {
      table.add({id, local_time(summary.state->taken.started_ms),
                 concat(source, " (", openness_name(summary.openness), ")"), "", "", "", ""});
      continue;
    }
    const SnapshotStatistics& counted = *summary.statistics;
    table.add({id, local_time(summary.state->taken.started_ms), concat(source, state_text(summary)),
               std::to_string(counted.files()), human_size(counted.bytes_total),
               human_size(counted.bytes_stored), joined_paths(summary)});
  }
  if (session.options.is_json) {
    print_json({{"snapshots", list}});
  } else if (shown.empty()) {
    print_line(hidden == 0 ? "no snapshots"
                           : concat("no snapshots but ", hidden, " retired (--all)"));
  } else {
    table.print();
    if (hidden > 0) print_line(concat(hidden, " retired ones are not shown (--all)"));
    for (const SnapshotSummary& summary : shown) {
      if (arguments.has_problems) print_problems(summary);
    }
  }
  return is_whole ? Exit::done : Exit::integrity;
}

}  // namespace

void add_snapshots(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("snapshots", "List the snapshots");
  auto arguments = std::make_shared<SnapshotsArguments>();
  command->add_option("--source", arguments->source, "Only snapshots of this source");
  command->add_option("--host", arguments->host, "Only snapshots from this host");
  command->add_option("--tag", arguments->tag, "Only snapshots with this tag");
  command->add_flag("--all", arguments->has_retired, "Also list those that are retired");
  command->add_flag("--problems", arguments->has_problems,
                    "Also list the paths that could not be backed up as they were");
  command->footer("Examples:\n  kist snapshots --tag nightly\n  kist snapshots --problems");
  command->callback([&session, arguments] {
    session.action = [&session, arguments] { return run_snapshots(session, *arguments); };
  });
}

}  // namespace kist::cli
