#include <map>

#include "cli/command.h"
#include "cli/command_input.h"

namespace kist::cli {

namespace {

struct BackupArguments {
  BackupOptions backup;
  FilterOptions filter;
  std::vector<std::string> path_files;
  std::string larger_than;
  std::string checkpoint;
  std::string stdin_name;
  std::string time;
  std::string policy;
  bool is_command = false;
};

void print_summary(const BackupResult& result, bool is_dry_run) {
  const SnapshotStatistics& s = result.statistics;
  if (is_dry_run) {
    print_line(concat("would make a snapshot of ", printable(result.source)));
  } else {
    print_line(concat("snapshot ", hex(result.snapshot), "  of ", printable(result.source)));
  }
  print_line(concat("  files        ", s.files_new, " new, ", s.files_changed, " changed, ",
                    s.files_unmodified, " unmodified"));
  print_line(concat("  directories  ", s.directories, ", other entries ", s.others));
  print_line(concat("  size         ", human_size(s.bytes_total), ", read ",
                    human_size(s.bytes_read), ", new ", human_size(s.bytes_new),
                    is_dry_run ? std::string() : ", stored " + human_size(s.bytes_stored)));
  const std::int64_t time_ms = std::max<std::int64_t>(1, result.duration_ms);
  print_line(concat("  time         ", human_duration(time_ms), ", ",
                    human_size(s.bytes_total * 1000 / static_cast<std::uint64_t>(time_ms)), "/s"));
  if (result.has_resumed) print_line("  went on from where an earlier backup was cut off");
  if (!result.lost_packs.empty()) {
    print_line(
        concat("  lost         ", result.lost_packs.size(),
               result.lost_packs.size() == 1 ? " pack is" : " packs are",
               " missing or of a wrong size: older snapshots are hurt (kist incident list)"));
  }
  if (result.blocks_stored_again > 0) {
    print_line(concat("  again        ", result.blocks_stored_again,
                      is_dry_run ? " blocks would be stored again: " : " blocks stored again: ",
                      "what has them is damaged, gone or condemned"));
  }
  if (s.problems > 0) print_line(concat("  problems     ", s.problems, ", each named above"));
}

// Adds the paths of a list. If the list has a NUL byte, paths end with NUL bytes, as `find -print0`
// writes them; otherwise each line is a path.
void add_paths_from(const std::string& file, std::vector<std::string>& paths) {
  Bytes bytes;
  try {
    bytes = read_file(file, 1U << 30U);
  } catch (const Error& error) {
    throw Error(Code::invalid, error.text());
  }
  const std::string_view text = as_text(bytes);
  const char separator = text.find('\0') == std::string_view::npos ? '\n' : '\0';
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find(separator, start), text.size());
    if (end > start) paths.emplace_back(text.substr(start, end - start));
    start = end + 1;
  }
}

// The path that a stream gets in the snapshot: "/dump.sql" becomes "dump.sql".
std::string stream_path(std::string name) {
  while (name.starts_with('/')) {
    name.erase(0, 1);
  }
  for (std::size_t start = 0; start <= name.size();) {
    const std::size_t end = std::min(name.find('/', start), name.size());
    const std::string part = name.substr(start, end - start);
    if (part.empty() || part == "." || part == "..") {
      throw Error(Code::invalid, "the name after --stdin is to be a path, such as dump.sql");
    }
    start = end + 1;
  }
  return name;
}

// 0 when the option was not given.
std::uint64_t positive_size(std::string_view option, const std::string& text) {
  if (text.empty()) return 0;
  const std::uint64_t size = parse_size(text);
  if (size == 0) throw Error(Code::invalid, concat(option, " takes a size above 0, such as 4MiB"));
  return size;
}

BackupOptions prepare(const BackupArguments& arguments) {
  BackupOptions out = arguments.backup;
  out.walk.filter = make_filter(arguments.filter);
  out.pending_bytes = positive_size("--checkpoint", arguments.checkpoint);
  out.walk.exclude_larger_than = positive_size("--exclude-larger-than", arguments.larger_than);
  for (const std::string& file : arguments.path_files) {
    add_paths_from(file, out.paths);
  }
  if (!arguments.time.empty()) {
    out.time_ms = parse_local_time(arguments.time);
    if (!out.time_ms) {
      throw Error(Code::invalid, "--time takes a time such as 2026-11-22T08:00:00");
    }
  }
  return out;
}

// Assigns the policy that is named to the source, if it has another.
void assign_first(Session& session, Repository& repository, const BackupArguments& arguments) {
  if (arguments.policy.empty()) return;
  const std::string& source = arguments.backup.source;
  if (source.empty()) {
    throw Error(Code::invalid, "--policy is assigned to a source: name it with --source");
  }
  const bool has_it = policy_name_of(repository, source) == arguments.policy;
  if (has_it || arguments.backup.is_dry_run) return;
  const PolicyChange change = assign_policy(
      repository, {.subject = source, .policy = arguments.policy, .reason = "backup --policy"});
  if (change.is_proposed) {
    session.console.notice(concat("policy ", printable(arguments.policy), " is proposed for ",
                                  printable(source), " with journal entry ", change.sequence,
                                  "; until it is in force the source has the one that it had (kist "
                                  "policy list)"));
  }
}

BackupResult take_snapshot(Session& session, const BackupArguments& arguments) {
  BackupOptions prepared = prepare(arguments);
  if (arguments.stdin_name.empty()) {
    if (arguments.is_command) throw Error(Code::invalid, "name the output with --stdin NAME");
    Repository repository = session.open();
    assign_first(session, repository, arguments);
    return backup(repository, prepared);
  }
  const std::vector<std::string> words = std::exchange(prepared.paths, {});
  if (arguments.is_command == words.empty()) {
    throw Error(Code::invalid, words.empty() ? "which command? write it after --"
                                             : "--stdin takes no paths beside it");
  }
  Repository repository = session.open();
  assign_first(session, repository, arguments);
  std::optional<CommandInput> command;
  if (arguments.is_command) command.emplace(words);
  prepared.stream = StreamInput{.path = stream_path(arguments.stdin_name),
                                .time = {},
                                .read =
                                    [&](MutableView out) {
                                      return command ? command->read(out, session.console)
                                                     : read_standard_input(out, session.console);
                                    },
                                .finish =
                                    [&] {
                                      if (command) command->finish();
                                    }};
  return backup(repository, prepared);
}

Exit run_backup(Session& session, const BackupArguments& arguments) {
  const BackupResult result = take_snapshot(session, arguments);
  session.console.clear_progress();
  if (session.options.is_json) {
    Json lost = Json::array();
    for (const auto& [pack, problem] : result.lost_packs) {
      lost.push_back({{"object", pack_path(pack)}, {"problem", describe(problem)}});
    }
    Json json = {{"snapshot", arguments.backup.is_dry_run ? "" : hex(result.snapshot)},
                 {"source", json_text(result.source)},
                 {"dry_run", arguments.backup.is_dry_run},
                 {"sequence", result.sequence},
                 {"files_opened", result.files_opened},
                 {"checkpoints", result.pending_snapshots},
                 {"resumed", result.has_resumed},
                 {"lost_packs", lost},
                 {"blocks_stored_again", result.blocks_stored_again}};
    json.update(statistics_json(result.started_ms, result.statistics));
    print_json(json);
  } else {
    print_summary(result, arguments.backup.is_dry_run);
  }
  const bool is_whole = result.statistics.problems == 0 && result.lost_packs.empty();
  return is_whole ? Exit::done : Exit::partial;
}

void add_what(CLI::App& command, BackupArguments& arguments) {
  command.add_option("paths", arguments.backup.paths, "What to back up")->type_name("PATH");
  command
      .add_option("--files-from", arguments.path_files,
                  "Read the paths to back up from this file: one a line, or separated by NUL bytes")
      ->type_name("FILE")
      ->take_all()
      ->allow_extra_args(false);
  command
      .add_option("--stdin", arguments.stdin_name, "Back up standard input as a file of this name")
      ->type_name("NAME");
  command.add_flag(
      "--stdin-from-command", arguments.is_command,
      "With --stdin: back up the output of the command after --; if the command fails, "
      "no snapshot is made");
  add_filter_options(command, arguments.filter);
  WalkOptions& walk = arguments.backup.walk;
  command.add_flag("--exclude-caches", walk.excludes_caches,
                   "From a directory that holds CACHEDIR.TAG, back up only that file");
  command
      .add_option("--exclude-if-present", walk.exclude_if_present,
                  "From a directory that holds an entry of this name, back up only that entry")
      ->type_name("NAME")
      ->take_all()
      ->allow_extra_args(false);
  command
      .add_option("--exclude-larger-than", arguments.larger_than,
                  "Leave out files larger than this")
      ->type_name("SIZE");
  command.add_flag("-x,--one-file-system", walk.one_file_system,
                   "Stay out of other file systems that are mounted below a given path");
}

void add_how(CLI::App& command, BackupArguments& arguments) {
  BackupOptions& backup = arguments.backup;
  command.add_option("--source", backup.source,
                     "A name for what is backed up (default: the host and a hash of the paths)");
  command.add_option("--policy", arguments.policy,
                     "Assign this retention policy to the source first, unless it has it (an "
                     "owner's)");
  command.add_option("--host", backup.host,
                     "The host to record in the snapshot (default: this machine's name)");
  command.add_option("--tag", backup.tags, "A tag for the snapshot; may be repeated")
      ->take_all()
      ->allow_extra_args(false);
  command.add_option("--description", backup.description,
                     "A description to record in the snapshot");
  command
      .add_option("--time", arguments.time,
                  "Record this time in the snapshot, not the time of the backup")
      ->type_name("TIME");
  command
      .add_option(
          "--checkpoint", arguments.checkpoint,
          "Commit a pending snapshot after this much new data, so that an interrupted backup "
          "keeps it (default: 1GiB)")
      ->type_name("SIZE");
  command.add_flag("--store-again", backup.stores_again,
                   "Read all files and store all of them again, as if nothing were stored yet: "
                   "for a source whose packs were found damaged on another machine");
  command.add_flag("-n,--dry-run", backup.is_dry_run,
                   "Read the files and count what is new, but store nothing");
  command
      .add_option("--compression", backup.compression,
                  "zstd level, 0 to 19 (default: the repository's)")
      ->check(CLI::Range(0, 19));
  command
      .add_option("-j,--threads", backup.threads,
                  "Worker threads (default: one for each processor)")
      ->check(CLI::Range(1, 256));
}

}  // namespace

void add_backup(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("backup", "Take a snapshot of files and directories");
  auto arguments = std::make_shared<BackupArguments>();
  add_what(*command, *arguments);
  add_how(*command, *arguments);
  command->footer(
      "A backup that is interrupted keeps what it has stored; the same command goes on from "
      "there.\n"
      "Patterns are much like those of gitignore; docs/operations.md has them all.\n\nExamples:\n"
      "  kist backup --repo /mnt/backup /home /etc\n"
      "  kist backup --source mail --tag nightly /var/mail\n"
      "  kist backup --exclude '*.tmp' --exclude '/home/*/.cache/' --exclude-caches /home\n"
      "  kist backup --store-again /home          (an owner has found packs of it damaged)\n"
      "  kist backup --stdin db.sql --stdin-from-command -- pg_dump accounts");
  command->callback([&session, arguments] {
    session.action = [&session, arguments] { return run_backup(session, *arguments); };
  });
}

}  // namespace kist::cli
