#include "cli/command.h"

namespace kist::cli {

namespace {

struct Options {
  std::string source;
  std::string host;
  std::string tag;
  bool has_problems = false;
};

bool fits(const SnapshotSummary& summary, const Options& options) {
  if (!options.source.empty() && summary.state->taken.source != options.source) return false;
  if (!options.host.empty() && (!summary.body || summary.body->host != options.host)) return false;
  if (options.tag.empty()) return true;
  return summary.body &&
         std::ranges::find(summary.body->tags, options.tag) != summary.body->tags.end();
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
               {"maximum_seconds", taken.maximum_seconds}};
  if (summary.body) {
    json["host"] = json_text(summary.body->host);
    Json paths = Json::array();
    for (const std::string& path : summary.body->paths) {
      paths.push_back(json_text(path));
    }
    json["paths"] = paths;
    Json tags = Json::array();
    for (const std::string& tag : summary.body->tags) {
      tags.push_back(json_text(tag));
    }
    json["tags"] = tags;
    json["description"] = json_text(summary.body->description);
    Json problems = Json::array();
    for (const SnapshotProblem& problem : summary.body->problems) {
      problems.push_back(
          {{"path", json_text("/" + problem.path)}, {"text", json_text(problem.text)}});
    }
    json["problems"] = problems;
  }
  if (summary.statistics) json["statistics"] = statistics_json(*summary.statistics);
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

// What is not in the snapshot as it was in the source.
void print_problems(const SnapshotSummary& summary) {
  if (!summary.statistics || summary.statistics->problems == 0) return;
  print_line(concat("\n", hex(summary.state->taken.snapshot).substr(0, 10), ": ",
                    summary.statistics->problems, " problems"));
  if (!summary.body) return;
  for (const SnapshotProblem& problem : summary.body->problems) {
    print_line(concat("  ", printable("/" + problem.path), ": ", printable(problem.text)));
  }
}

Exit run(Session& session, const Options& options) {
  Repository repository = session.open();
  Json list = Json::array();
  Table table({"SNAPSHOT", "TIME", "SOURCE", "FILES", "SIZE", "STORED", "PATHS"});
  for (const unsigned column : {3U, 4U, 5U}) {
    table.align_right(column);
  }
  std::vector<SnapshotSummary> shown = list_snapshots(repository);
  const bool is_whole = std::ranges::all_of(
      shown, [](const SnapshotSummary& summary) { return summary.statistics.has_value(); });
  std::erase_if(shown, [&](const SnapshotSummary& summary) { return !fits(summary, options); });
  for (const SnapshotSummary& summary : shown) {
    list.push_back(to_json(summary));
    const std::string id = hex(summary.state->taken.snapshot).substr(0, 10);
    const std::string source = printable(summary.state->taken.source);
    if (!summary.statistics) {
      table.add({id, local_time(summary.state->time_ms), source + " (damaged)", "", "", "", ""});
      continue;
    }
    const SnapshotStatistics& counted = *summary.statistics;
    table.add({id, local_time(counted.started_ms),
               source + (summary.state->taken.is_pending ? " (incomplete)" : ""),
               std::to_string(counted.files()), human_size(counted.bytes_total),
               human_size(counted.bytes_stored), joined_paths(summary)});
  }
  if (session.options.is_json) {
    print_json({{"snapshots", list}});
  } else if (shown.empty()) {
    print_line("no snapshots");
  } else {
    table.print();
    for (const SnapshotSummary& summary : shown) {
      if (options.has_problems) print_problems(summary);
    }
  }
  return is_whole ? Exit::done : Exit::integrity;
}

}  // namespace

void add_snapshots(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("snapshots", "List the snapshots");
  auto options = std::make_shared<Options>();
  command->add_option("--source", options->source, "Only of this source");
  command->add_option("--host", options->host, "Only from this host");
  command->add_option("--tag", options->tag, "Only with this tag");
  command->add_flag("--problems", options->has_problems,
                    "Name what could not be backed up as it was");
  command->footer("Examples:\n  kist snapshots --tag nightly\n  kist snapshots --problems");
  command->callback([&session, options] {
    session.action = [&session, options] { return run(session, *options); };
  });
}

}  // namespace kist::cli
