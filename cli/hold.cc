#include "cli/command.h"

namespace kist::cli {

namespace {

struct HoldArguments {
  std::string matter;
  std::string reason;
  std::vector<std::string> snapshots;
  std::vector<std::string> sources;
  bool is_whole = false;
};

HoldParts parts_of(const Repository& repository, const HoldArguments& arguments) {
  HoldParts out;
  out.sources = arguments.sources;
  for (const std::string& text : arguments.snapshots) {
    out.snapshots.push_back(select(repository, text).snapshot->taken.snapshot);
  }
  return out;
}

std::string covered(const Hold& hold) {
  if (hold.is_whole) return "the repository";
  std::string out;
  for (const std::string& source : hold.sources) {
    out += concat(out.empty() ? "sources " : ", ", printable(source));
  }
  for (const SnapshotId& snapshot : hold.snapshots) {
    out += concat(out.empty() ? "snapshots " : ", ", hex(snapshot).substr(0, 10));
  }
  return out;
}

Exit run_hold_list(Session& session) {
  const Repository repository = session.open();
  Json list = Json::array();
  Table table({"MATTER", "SINCE", "ENTRY", "COVERS", "REASON"});
  table.align_right(2);
  for (const auto& [matter, hold] : list_holds(repository)) {
    Json sources = Json::array();
    for (const std::string& source : hold.sources) {
      sources.push_back(json_text(source));
    }
    list.push_back({{"matter", json_text(matter)},
                    {"since", utc_time(hold.time_ms)},
                    {"entry", hold.sequence},
                    {"slot", hex(hold.author)},
                    {"repository", hold.is_whole},
                    {"sources", sources},
                    {"snapshots", hex_list(std::vector<SnapshotId>(hold.snapshots.begin(),
                                                                   hold.snapshots.end()))},
                    {"reason", json_text(hold.reason)}});
    table.add({printable(matter), local_time(hold.time_ms), std::to_string(hold.sequence),
               covered(hold), printable(hold.reason)});
  }
  if (session.options.is_json) {
    print_json({{"hold", list}});
  } else if (list.empty()) {
    print_line("nothing is held");
  } else {
    table.print();
  }
  return Exit::done;
}

Exit report_hold(const Session& session, const std::string& what, std::uint64_t entry) {
  if (session.options.is_json) {
    print_json({{"entry", entry}});
  } else {
    print_line(concat(what, " with journal entry ", entry));
  }
  return Exit::done;
}

Exit run_hold_place(Session& session, const HoldArguments& arguments) {
  const int kinds = (arguments.is_whole ? 1 : 0) + (arguments.sources.empty() ? 0 : 1) +
                    (arguments.snapshots.empty() ? 0 : 1);
  if (kinds != 1) {
    throw Error(Code::invalid,
                "on what? give --snapshot, --source or --repository, and one of them only");
  }
  Repository repository = session.open();
  tell_unknown_sources(session, repository, arguments.sources);
  const std::uint64_t entry = place_hold(repository, {.matter = arguments.matter,
                                                      .reason = arguments.reason,
                                                      .parts = parts_of(repository, arguments)});
  return report_hold(session, concat("held for matter ", printable(arguments.matter), ","), entry);
}

Exit run_hold_lift(Session& session, const HoldArguments& arguments) {
  Repository repository = session.open();
  const std::uint64_t entry = lift_hold(repository, {.matter = arguments.matter,
                                                     .reason = arguments.reason,
                                                     .parts = parts_of(repository, arguments)});
  return report_hold(session, concat("lifted matter ", printable(arguments.matter), ","), entry);
}

void add_hold_options(CLI::App& command, HoldArguments& arguments) {
  command
      .add_option("matter", arguments.matter,
                  "A case number; every slot can read it, for good: no names of people")
      ->required();
  command.add_option("--snapshot", arguments.snapshots, "A snapshot")
      ->take_all()
      ->allow_extra_args(false);
  command
      .add_option("--source", arguments.sources,
                  "A source, with all that is backed up of it later, and what continues it")
      ->take_all()
      ->allow_extra_args(false);
  command.add_option("--reason", arguments.reason, "Why; every slot can read it, for good");
}

}  // namespace

void add_hold(CLI::App& app, Session& session) {
  CLI::App* hold = app.add_subcommand("hold", "Keep what a legal matter needs, whatever rules say");
  hold->require_subcommand(1);
  auto arguments = std::make_shared<HoldArguments>();
  CLI::App* list = hold->add_subcommand("list", "List what is held");
  list->callback([&session] { session.action = [&session] { return run_hold_list(session); }; });
  CLI::App* place = hold->add_subcommand("place", "Hold snapshots, sources or the repository");
  add_hold_options(*place, *arguments);
  place->add_flag("--repository", arguments->is_whole, "Everything");
  place->footer(
      "Examples:\n  kist hold place 2026-17 --source mail --reason \"letter of 3 May\"\n"
      "  kist hold place 2026-18 --snapshot latest@desk");
  place->callback([&session, arguments] {
    session.action = [&session, arguments] { return run_hold_place(session, *arguments); };
  });
  CLI::App* lift = hold->add_subcommand("lift", "Lift a hold, or parts of it (an owner's)");
  add_hold_options(*lift, *arguments);
  lift->footer(
      "Examples:\n  kist hold lift 2026-17 --reason settled\n"
      "  kist hold lift 2026-17 --source mail");
  lift->callback([&session, arguments] {
    session.action = [&session, arguments] { return run_hold_lift(session, *arguments); };
  });
}

}  // namespace kist::cli
