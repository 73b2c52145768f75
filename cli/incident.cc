#include <algorithm>
#include <charconv>

#include "cli/command.h"

namespace kist::cli {

namespace {

struct Options {
  std::string entries;
  std::string note;
  bool accepts_void = false;
};

// What an owner said when closing the incident.
std::string note_of(Repository& repository, const VoidEntry& incident) {
  std::string out;
  repository.journal().for_each_entry(incident.closed_by, [&](const ReplayedEntry& replayed) {
    if (const auto* closed = std::get_if<IncidentsClosed>(&replayed.entry.act)) out = closed->note;
    return false;
  });
  return out;
}

Exit run_list(Session& session) {
  Repository repository = session.open();
  repository.require_view();
  Json list = Json::array();
  Table table({"ENTRY", "INCIDENT", "STATE", "NOTE"});
  table.align_right(0);
  for (const VoidEntry& incident : repository.state().voids) {
    const std::string note = incident.is_open() ? "" : note_of(repository, incident);
    Json json = {{"entry", incident.sequence},
                 {"reason", json_text(incident.reason)},
                 {"open", incident.is_open()}};
    if (!incident.is_open()) {
      json["closed_by"] = incident.closed_by;
      json["note"] = json_text(note);
    }
    list.push_back(json);
    table.add({std::to_string(incident.sequence), concat("void: ", printable(incident.reason)),
               incident.is_open() ? "open" : concat("closed by entry ", incident.closed_by),
               printable(note)});
  }
  if (session.options.is_json) {
    print_json({{"incident", list}});
  } else {
    table.print();
  }
  return Exit::done;
}

// "17" or "17-20"; all of them when nothing is said.
CloseIncidentsOptions parse_range(const std::string& text) {
  CloseIncidentsOptions out;
  out.last = UINT64_MAX;
  if (text.empty()) return out;
  const std::size_t dash = text.find('-');
  const auto parse = [](std::string_view digits) -> std::optional<std::uint64_t> {
    std::uint64_t value = 0;
    const char* end = digits.data() + digits.size();
    const auto [at, error] = std::from_chars(digits.data(), end, value);
    return error == std::errc() && at == end ? std::optional(value) : std::nullopt;
  };
  const auto first = parse(std::string_view(text).substr(0, dash));
  const auto last =
      dash == std::string::npos ? first : parse(std::string_view(text).substr(dash + 1));
  if (first && last) {
    out.first = *first;
    out.last = *last;
    return out;
  }
  throw Error(Code::invalid,
              concat(text, " is not an entry's number, nor two with - between them"));
}

Exit report_closed(const Session& session, const Repository& repository, std::uint64_t entry) {
  const auto closed = std::ranges::count(repository.state().voids, entry, &VoidEntry::closed_by);
  if (session.options.is_json) {
    print_json({{"entry", entry}, {"closed", closed}});
  } else {
    print_line(concat("closed ", closed, " incident", closed == 1 ? "" : "s",
                      " with journal entry ", entry));
  }
  return Exit::done;
}

Exit run_accept_void(Session& session, const Options& options) {
  if (!options.entries.empty()) {
    throw Error(Code::invalid,
                "--accept-void passes over all that cannot be read: name no entries");
  }
  Repository repository = session.open();
  repository.require(can_own);
  const std::vector<Junk> junk = find_junk(repository);
  if (junk.empty()) {
    throw Error(Code::refused, "every entry can be read; there is nothing to pass over");
  }
  for (const Junk& each : junk) {
    session.console.notice(
        concat("journal entry ", each.sequence, ": ", each.size, " bytes that no slot has signed"));
  }
  confirm(session,
          "If these are entries that were damaged, and a copy of the repository has them whole, "
          "restore them instead: whatever they said is void for everybody from here on. Go on?");
  return report_closed(session, repository, pass_over_junk(repository, junk, options.note));
}

Exit run_close(Session& session, const Options& options) {
  if (options.accepts_void) return run_accept_void(session, options);
  CloseIncidentsOptions closing = parse_range(options.entries);
  closing.note = options.note;
  Repository repository = session.open();
  repository.require(can_own);
  // What comes while this runs has been seen by nobody.
  closing.last = std::min(closing.last, repository.state().next_sequence - 1);
  return report_closed(session, repository, close_incidents(repository, closing));
}

}  // namespace

void add_incident(CLI::App& app, Session& session) {
  CLI::App* command =
      app.add_subcommand("incident", "What went wrong with the journal, until it is looked into");
  command->require_subcommand(1);
  command->add_subcommand("list", "All incidents, closed ones too")->callback([&session] {
    session.action = [&session] { return run_list(session); };
  });
  auto options = std::make_shared<Options>();
  CLI::App* close = command->add_subcommand("close", "Say that incidents were looked into");
  close->add_option("entries", options->entries, "Which: 17, or 17-20 (default: all)");
  close->add_option("--note", options->note, "What came of it")->type_name("TEXT")->required();
  close->add_flag("--accept-void", options->accepts_void,
                  "Go on over entries that cannot be read, for everybody");
  close->callback([&session, options] {
    session.action = [&session, options] { return run_close(session, *options); };
  });
}

}  // namespace kist::cli
