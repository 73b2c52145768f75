#include "cli/command.h"

namespace kist::cli {

namespace {

struct FindArguments {
  std::vector<std::string> patterns;
};

Json to_json(const FoundPath& found) {
  Json versions = Json::array();
  for (const FoundVersion& version : found.versions) {
    versions.push_back({{"first", hex(version.first->taken.snapshot)},
                        {"first_time", utc_time(version.first->time_ms)},
                        {"last", hex(version.last->taken.snapshot)},
                        {"last_time", utc_time(version.last->time_ms)},
                        {"snapshots", version.snapshots},
                        {"size", version.entry.size},
                        {"mtime", utc_time(to_ms(version.entry.mtime))}});
  }
  return {{"source", json_text(found.source)},
          {"path", json_text("/" + found.path)},
          {"versions", versions}};
}

Exit run_find(Session& session, const FindArguments& arguments) {
  PathFilter filter;
  for (const std::string& pattern : arguments.patterns) {
    filter.include(pattern);
  }
  Repository repository = session.open();
  const std::vector<FoundPath> found = find_paths(repository, filter);
  session.console.clear_progress();
  if (session.options.is_json) {
    Json list = Json::array();
    for (const FoundPath& path : found) {
      list.push_back(to_json(path));
    }
    print_json({{"find", list}});
    return Exit::done;
  }
  for (const FoundPath& path : found) {
    print_line(concat(printable("/" + path.path), "  (", printable(path.source), ")"));
    for (const FoundVersion& version : path.versions) {
      print_line(concat("  ", local_time(to_ms(version.entry.mtime)), "  ",
                        human_size(version.entry.size), "  in ", version.snapshots,
                        version.snapshots == 1 ? " snapshot, " : " snapshots, ",
                        hex(version.first->taken.snapshot).substr(0, 10), " of ",
                        local_time(version.first->time_ms), " to ",
                        hex(version.last->taken.snapshot).substr(0, 10), " of ",
                        local_time(version.last->time_ms)));
    }
  }
  if (found.empty()) print_line("nothing found");
  return Exit::done;
}

}  // namespace

void add_find(CLI::App& app, Session& session) {
  CLI::App* command =
      app.add_subcommand("find", "Find paths in all snapshots, with every version of each");
  auto arguments = std::make_shared<FindArguments>();
  command
      ->add_option("patterns", arguments->patterns,
                   "Patterns such as '*.odt', as --include takes them")
      ->required()
      ->type_name("PATTERN");
  command->footer(
      "Each version is shown with the first and the last snapshot that has it. If a directory\n"
      "matches, everything below it is found too.\n\nExamples:\n  kist find '*.odt'\n"
      "  kist find /etc/fstab passwd");
  command->callback([&session, arguments] {
    session.action = [&session, arguments] { return run_find(session, *arguments); };
  });
}

}  // namespace kist::cli
