#include "cli/command.h"

namespace kist::cli {

namespace {

void print_summary(const BackupResult& result) {
  const SnapshotStatistics& s = result.statistics;
  print_line(concat("snapshot ", hex(result.snapshot), "  of ", printable(result.source)));
  print_line(concat("  files        ", s.files_new, " new, ", s.files_changed, " changed, ",
                    s.files_unmodified, " unmodified"));
  print_line(concat("  directories  ", s.directories, ", other entries ", s.others));
  print_line(concat("  size         ", human_size(s.bytes_total), ", read ",
                    human_size(s.bytes_read), ", new ", human_size(s.bytes_new), ", stored ",
                    human_size(s.bytes_stored)));
  const std::int64_t time_ms = std::max<std::int64_t>(1, s.finished_ms - s.started_ms);
  print_line(concat("  time         ", human_duration(time_ms), ", ",
                    human_size(s.bytes_total * 1000 / static_cast<std::uint64_t>(time_ms)), "/s"));
  if (s.problems > 0) print_line(concat("  problems     ", s.problems, ", each named above"));
}

Exit run(Session& session, const BackupOptions& options) {
  Repository repository = session.open();
  const BackupResult result = backup(repository, options);
  session.console.clear_progress();
  if (session.options.is_json) {
    Json json = {{"snapshot", hex(result.snapshot)},
                 {"source", json_text(result.source)},
                 {"sequence", result.sequence},
                 {"files_opened", result.files_opened}};
    json.update(statistics_json(result.statistics));
    print_json(json);
  } else {
    print_summary(result);
  }
  return result.statistics.problems == 0 ? Exit::done : Exit::partial;
}

}  // namespace

void add_backup(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("backup", "Take a snapshot of files and directories");
  auto options = std::make_shared<BackupOptions>();
  command->add_option("paths", options->paths, "What to back up")->required()->type_name("PATH");
  command->add_option("--source", options->source,
                      "Name what is backed up (default: host and a hash of the paths)");
  command->add_option("--host", options->host, "The host to note (default: this machine's name)");
  command->add_option("--tag", options->tags, "A tag for the snapshot; may be repeated")
      ->take_all();
  command->add_option("--description", options->description, "A text for the snapshot");
  command
      ->add_option("--compression", options->compression,
                   "zstd level, 0 to 19 (default: the repository's)")
      ->check(CLI::Range(0, 19));
  command->add_option("-j,--threads", options->threads, "Worker threads (default: one a processor)")
      ->check(CLI::Range(1, 256));
  command->footer(
      "Examples:\n  kist backup --repo /mnt/backup /home /etc\n"
      "  kist backup --source mail --tag nightly /var/mail");
  command->callback([&session, options] {
    session.action = [&session, options] { return run(session, *options); };
  });
}

}  // namespace kist::cli
