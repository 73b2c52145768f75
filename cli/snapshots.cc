#include "cli/command.h"

namespace kist::cli {

namespace {

struct Options {
  std::string source;
  std::string host;
  std::string tag;
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
  Json json = {{"id", hex(taken.snapshot)},           {"time", utc_time(summary.state->time_ms)},
               {"source", json_text(taken.source)},   {"slot", hex(summary.state->author)},
               {"sequence", summary.state->sequence}, {"pending", taken.is_pending},
               {"policy", json_text(taken.policy)},   {"minimum_seconds", taken.minimum},
               {"maximum_seconds", taken.maximum}};
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
  }
  json["statistics"] = statistics_json(summary.statistics);
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

Exit run(Session& session, const Options& options) {
  Repository repository = session.open();
  Json list = Json::array();
  Table table({"SNAPSHOT", "TIME", "SOURCE", "FILES", "SIZE", "STORED", "PATHS"});
  for (const unsigned column : {3U, 4U, 5U}) {
    table.align_right(column);
  }
  std::size_t count = 0;
  for (const SnapshotSummary& summary : list_snapshots(repository)) {
    if (!fits(summary, options)) continue;
    ++count;
    list.push_back(to_json(summary));
    table.add({hex(summary.state->taken.snapshot).substr(0, 10), local_time(summary.state->time_ms),
               printable(summary.state->taken.source), std::to_string(summary.statistics.files()),
               human_size(summary.statistics.bytes_total),
               human_size(summary.statistics.bytes_stored), joined_paths(summary)});
  }
  if (session.options.is_json) {
    print_json({{"snapshots", list}});
  } else if (count == 0) {
    print_line("no snapshots");
  } else {
    table.print();
  }
  return Exit::done;
}

}  // namespace

void add_snapshots(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("snapshots", "List the snapshots");
  auto options = std::make_shared<Options>();
  command->add_option("--source", options->source, "Only of this source");
  command->add_option("--host", options->host, "Only from this host");
  command->add_option("--tag", options->tag, "Only with this tag");
  command->callback([&session, options] {
    session.action = [&session, options] { return run(session, *options); };
  });
}

}  // namespace kist::cli
