#include "cli/command.h"

namespace kist::cli {

namespace {

struct SourceArguments {
  std::string name;
  std::string slot;
  std::string continues;
  std::string reason;
};

// "laptop (3f9a12bc)", or that nobody has it.
std::string holder_of(const std::vector<SlotInfo>& slots, const SourceState& source) {
  if (source.slot == SlotId{}) return "free";
  for (const SlotInfo& slot : slots) {
    if (slot.slot == source.slot) {
      return concat(printable(slot.name), " (", hex(slot.slot).substr(0, 8), ")");
    }
  }
  return hex(source.slot).substr(0, 8);
}

Exit run_source_list(Session& session) {
  const Repository repository = session.open();
  const std::vector<SlotInfo> slots = list_slots(repository);
  Json list = Json::array();
  Table table({"SOURCE", "SLOT", "POLICY", "SNAPSHOTS", "NEWEST", ""});
  table.align_right(3);
  for (const SourceInfo& source : list_sources(repository)) {
    Json json = {{"source", json_text(source.name)},
                 {"slot", hex(source.state.slot)},
                 {"bound", source.state.is_bound},
                 {"ended", source.state.is_ended},
                 {"continues", json_text(source.state.continues)},
                 {"policy", json_text(source.policy)},
                 {"policy_is_its_own", !source.state.policy.empty()},
                 {"snapshots", source.snapshots}};
    if (source.snapshots > 0) json["newest"] = utc_time(source.newest_ms);
    list.push_back(json);
    std::string note = source.state.is_ended ? "ended" : "";
    if (!source.state.continues.empty()) {
      note += concat(note.empty() ? "" : ", ", "continues ", printable(source.state.continues));
    }
    table.add({printable(source.name), holder_of(slots, source.state), printable(source.policy),
               std::to_string(source.snapshots),
               source.snapshots > 0 ? local_time(source.newest_ms) : "", note});
  }
  if (session.options.is_json) {
    print_json({{"source", list}});
  } else if (list.empty()) {
    print_line("no sources");
  } else {
    table.print();
  }
  return Exit::done;
}

Exit report_source(const Session& session, const std::string& what, std::uint64_t entry) {
  if (session.options.is_json) {
    print_json({{"entry", entry}});
  } else {
    print_line(concat(what, " with journal entry ", entry));
  }
  return Exit::done;
}

Exit run_source_bind(Session& session, const SourceArguments& arguments) {
  Repository repository = session.open();
  const std::vector<SlotInfo> slots = list_slots(repository);
  const SlotInfo& slot = find_slot(slots, arguments.slot);
  tell_unknown_sources(session, repository, {arguments.name});
  const std::uint64_t entry = bind_source(repository, {.source = arguments.name,
                                                       .slot = slot.slot,
                                                       .continues = arguments.continues,
                                                       .reason = arguments.reason});
  return report_source(session,
                       concat(printable(arguments.name), " belongs to slot ", printable(slot.name),
                              " (", hex(slot.slot).substr(0, 8), ")"),
                       entry);
}

Exit run_source_end(Session& session, const SourceArguments& arguments) {
  Repository repository = session.open();
  const std::uint64_t entry = end_source(repository, arguments.name, arguments.reason);
  return report_source(session, concat(printable(arguments.name), " has ended"), entry);
}

}  // namespace

void tell_unknown_sources(Session& session,
                          const Repository& repository,
                          const std::vector<std::string>& sources) {
  for (const std::string& source : sources) {
    if (knows_source(repository, source)) continue;
    session.console.notice(concat("nothing is backed up under the name ", printable(source),
                                  " yet (kist source list): it holds for what is to come"));
  }
}

void add_source(CLI::App& app, Session& session) {
  CLI::App* source = app.add_subcommand("source", "What is backed up, by whom, under which policy");
  source->require_subcommand(1);
  auto arguments = std::make_shared<SourceArguments>();
  CLI::App* list = source->add_subcommand("list", "List the sources");
  list->callback([&session] { session.action = [&session] { return run_source_list(session); }; });
  CLI::App* bind = source->add_subcommand(
      "bind", "Give a source to a slot; its series of snapshots goes on (an owner's)");
  bind->add_option("source", arguments->name, "The source's name")->required();
  bind->add_option("--slot-name", arguments->slot, "The slot's name, or the first digits of its id")
      ->required();
  bind->add_option("--continues", arguments->continues,
                   "The source that this one is the new name of");
  bind->add_option("--reason", arguments->reason, "Why; kept in the journal");
  bind->footer(
      "Examples:\n  kist source bind desk --slot-name desk-2026\n"
      "  kist source bind new-desk --slot-name desk --continues old-desk");
  bind->callback([&session, arguments] {
    session.action = [&session, arguments] { return run_source_bind(session, *arguments); };
  });
  CLI::App* end = source->add_subcommand(
      "end", "Say that nothing more will come of a source: rules let go of it as time goes by");
  end->add_option("source", arguments->name, "The source's name")->required();
  end->add_option("--reason", arguments->reason, "Why; kept in the journal");
  end->callback([&session, arguments] {
    session.action = [&session, arguments] { return run_source_end(session, *arguments); };
  });
}

}  // namespace kist::cli
