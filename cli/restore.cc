#include "cli/command.h"

namespace kist::cli {

namespace {

struct RestoreArguments {
  std::string snapshot;
  std::string overwrite = "if-changed";
  FilterOptions filter;
  RestoreOptions restore;
};

constexpr std::array<std::string_view, 3> action_names = {"create", "replace", "delete"};

Overwrite overwrite_of(const std::string& name) {
  if (name == "always") return Overwrite::always;
  return name == "never" ? Overwrite::never : Overwrite::if_changed;
}

// Whose snapshot it is: a person who typed "latest" learns what that has come to.
struct Origin {
  const SnapshotState& snapshot;
  const SlotInfo& slot;
};

void print_origin(const Origin& origin) {
  const SnapshotTaken& taken = origin.snapshot.taken;
  print_line(concat("snapshot ", hex(taken.snapshot).substr(0, 10), " of ", printable(taken.source),
                    ", taken ", local_time(origin.snapshot.time_ms), " by slot ",
                    printable(origin.slot.name), " (", hex(origin.slot.slot).substr(0, 8),
                    origin.slot.is_revoked ? "), revoked since" : ")"));
}

Json to_json(const Origin& origin, const RestoreOptions& options, const RestoreResult& result) {
  return {{"snapshot", hex(options.snapshot)},
          {"source", json_text(origin.snapshot.taken.source)},
          {"slot", hex(origin.slot.slot)},
          {"slot_name", json_text(origin.slot.name)},
          {"time", utc_time(origin.snapshot.time_ms)},
          {"dry_run", options.is_dry_run},
          {"files", result.files},
          {"files_unchanged", result.files_unchanged},
          {"directories", result.directories},
          {"others", result.others},
          {"bytes", result.bytes},
          {"replaced", result.replaced},
          {"deleted", result.deleted},
          {"verified", result.verified},
          {"torn", result.torn},
          {"problems", result.problems},
          {"damaged", result.damaged},
          {"frames_read", result.frames_read},
          {"metadata_refused", result.refused}};
}

void print_result(const RestoreOptions& options, const RestoreResult& result) {
  if (options.is_dry_run) {
    print_line(concat("would restore ", result.files - result.files_unchanged, " files, replace ",
                      result.replaced, " entries, delete ", result.deleted, "; ",
                      result.files_unchanged, " files are right already"));
    return;
  }
  print_line(concat("restored ", result.files, " files, ", result.directories, " directories, ",
                    result.others, " other entries, ", human_size(result.bytes), " to ",
                    printable(options.target)));
  if (result.files_unchanged > 0) {
    print_line(concat(result.files_unchanged, " files were right already and were not read"));
  }
  if (result.replaced > 0)
    print_line(concat(result.replaced, " entries that differed were replaced"));
  if (result.deleted > 0) print_line(concat(result.deleted, " entries were deleted"));
  if (options.verifies) print_line(concat(result.verified, " files read again: as restored"));
  if (result.torn > 0) {
    print_line(concat(result.torn, " files were changing when they were backed up; ",
                      "kist snapshots --problems names them"));
  }
  if (result.problems > 0) {
    print_line(concat(result.problems, " entries could not be restored, each named above"));
  }
}

Exit run_restore(Session& session, RestoreArguments arguments) {
  RestoreOptions& wanted = arguments.restore;
  wanted.tree.overwrite = overwrite_of(arguments.overwrite);
  wanted.filter = make_filter(arguments.filter);
  Repository repository = session.open();
  const Selection selection = select(repository, arguments.snapshot);
  const std::vector<SlotInfo> slots = list_slots(repository);
  const Origin origin{
      .snapshot = *selection.snapshot,
      .slot = *std::ranges::find(slots, selection.snapshot->author, &SlotInfo::slot)};
  if (!session.options.is_json) print_origin(origin);
  wanted.snapshot = selection.snapshot->taken.snapshot;
  wanted.path = selection.path;
  wanted.target = absolute_path(wanted.target);
  for (const std::string& path : {session.options.repository, session.state_parent()}) {
    wanted.protects.push_back(real_path(path));
  }
  if (selection.snapshot->is_retired()) {
    session.console.notice(
        "the snapshot is retired: it can be restored until its grace is over (kist snapshots "
        "--all); kist unretire keeps it");
  }
  if (selection.snapshot->taken.is_pending) {
    session.console.notice("the snapshot is not complete: its backup was cut off");
  }
  // What was written since an older snapshot would be deleted.
  if (wanted.deletes && !wanted.is_dry_run && selection.passed_over > 0) {
    throw Error(Code::refused,
                concat("newer snapshots do not open, and --delete would delete what came since ",
                       hex(wanted.snapshot).substr(0, 10), ": name that one, if it is meant"));
  }
  if (wanted.deletes && !wanted.is_dry_run) {
    confirm(session, concat("What the snapshot does not have will be deleted below ", wanted.target,
                            " (--dry-run shows what)."));
  }
  if (wanted.is_dry_run || session.options.is_verbose) {
    const bool is_json = session.options.is_json;
    wanted.on_change = [is_json](RestoreAction action, const std::string& path) {
      const std::string_view name = action_names.at(static_cast<std::size_t>(action));
      if (is_json) {
        print_json({{"type", "change"}, {"action", name}, {"path", json_text(path)}});
      } else {
        print_line(concat(name, "  ", printable(path)));
      }
    };
  }
  const RestoreResult result = restore(repository, wanted);
  session.console.clear_progress();
  for (const std::string& line : result.refused) {
    session.console.notice(line);
  }
  if (session.options.is_json) {
    print_json(to_json(origin, wanted, result));
  } else {
    print_result(wanted, result);
  }
  if (!arguments.filter.includes.empty() && result.files + result.others == 0) {
    session.console.notice("nothing in the snapshot matches what is to be included");
    return Exit::failed;
  }
  if (result.damaged > 0) return Exit::integrity;
  return result.problems == 0 && result.refused.empty() ? Exit::done : Exit::partial;
}

}  // namespace

void add_restore(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("restore", "Restore a snapshot or part of it");
  auto arguments = std::make_shared<RestoreArguments>();
  RestoreOptions& restore = arguments->restore;
  command->add_option("snapshot", arguments->snapshot, "SNAPSHOT or SNAPSHOT:/PATH")->required();
  command->add_option("-t,--target", restore.target, "The directory to restore to")
      ->required()
      ->type_name("DIR");
  add_filter_options(*command, arguments->filter);
  command
      ->add_option(
          "--overwrite", arguments->overwrite,
          "Whether to replace files that exist: if-changed (default) replaces those that differ "
          "in type, size or time; always; never")
      ->check(CLI::IsMember({"if-changed", "always", "never"}));
  command->add_flag("--delete", restore.deletes,
                    "In restored directories, delete what the snapshot does not have");
  command->add_flag("--delete-excluded", restore.deletes_excluded,
                    "With --delete: also delete what the options of the backup had left out");
  command->add_flag("-n,--dry-run", restore.is_dry_run,
                    "Print what would be changed, and change nothing");
  command->add_flag("--verify", restore.verifies,
                    "Afterwards read all files again and compare them with the snapshot");
  command->add_flag("--numeric-ids", restore.tree.numeric_ids,
                    "Set owners by number, even where a user or group of that name exists here");
  command
      ->add_option("-j,--threads", restore.threads,
                   "Worker threads (default: one for each processor)")
      ->check(CLI::Range(1, 256));
  command->footer(
      "SNAPSHOT is an id or its first digits, latest, a time (2026-11-22T08:00) or an age\n"
      "(\"3d ago\"). All but an id take a source: latest@SOURCE. Where several sources were\n"
      "backed up it has to be given; kist snapshots lists them. If a restore was interrupted,\n"
      "run it again: it goes on, and what is right already is not read again.\n\nExamples:\n"
      "  kist restore latest --target /tmp/all\n"
      "  kist restore latest@laptop --target /tmp/laptop\n"
      "  kist restore latest:/home/ann/letters --target /tmp/letters\n"
      "  kist restore \"3d ago\":/etc --target /etc --delete --dry-run\n"
      "  kist restore latest --include '*.odt' --target /tmp/letters");
  command->callback([&session, arguments] {
    session.action = [&session, arguments] { return run_restore(session, *arguments); };
  });
}

}  // namespace kist::cli
