#include "cli/command.h"

namespace kist::cli {

namespace {

struct Options {
  std::string snapshot;
  RestoreOptions restore;
};

Exit run(Session& session, Options options) {
  Repository repository = session.open();
  const Selection selection = select(repository, options.snapshot);
  options.restore.snapshot = selection.snapshot->taken.snapshot;
  options.restore.path = selection.path;
  options.restore.target = absolute_path(options.restore.target);
  const RestoreResult result = restore(repository, options.restore);
  session.console.clear_progress();
  for (const std::string& line : result.refused) {
    session.console.notice(line);
  }
  if (session.options.is_json) {
    print_json({{"snapshot", hex(options.restore.snapshot)},
                {"files", result.files},
                {"directories", result.directories},
                {"others", result.others},
                {"bytes", result.bytes},
                {"problems", result.problems},
                {"damaged", result.damaged},
                {"frames_read", result.frames_read},
                {"metadata_refused", result.refused}});
  } else {
    print_line(concat("restored ", result.files, " files, ", result.directories, " directories, ",
                      result.others, " other entries, ", human_size(result.bytes), " to ",
                      options.restore.target));
    if (result.problems > 0) {
      print_line(concat(result.problems, " entries could not be restored, each named above"));
    }
  }
  if (result.damaged > 0) return Exit::integrity;
  return result.problems == 0 && result.refused.empty() ? Exit::done : Exit::partial;
}

}  // namespace

void add_restore(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("restore", "Restore a snapshot, or a part of it");
  auto options = std::make_shared<Options>();
  command->add_option("snapshot", options->snapshot, "SNAPSHOT or SNAPSHOT:/PATH")->required();
  command->add_option("-t,--target", options->restore.target, "Where to; what exists there stays")
      ->required()
      ->type_name("DIR");
  command->add_flag("--numeric-ids", options->restore.numeric_ids,
                    "Owners by number, even where the name exists here");
  command
      ->add_option("-j,--threads", options->restore.threads,
                   "Worker threads (default: one a processor)")
      ->check(CLI::Range(1, 256));
  command->footer(
      "SNAPSHOT is an id or its first digits, latest, latest@SOURCE, a time (2026-11-22T08:00)\n"
      "or an age (\"3d ago\").\n\nExamples:\n  kist restore latest --target /tmp/all\n"
      "  kist restore latest:/home/ann/letters --target /tmp/letters");
  command->callback([&session, options] {
    session.action = [&session, options] { return run(session, *options); };
  });
}

}  // namespace kist::cli
