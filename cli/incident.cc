#include <algorithm>
#include <charconv>

#include "cli/command.h"

namespace kist::cli {

namespace {

struct IncidentArguments {
  std::string entries;
  std::string note;
  bool accepts_void = false;
  bool is_here = false;
};

// Its entries: "17", or "17-20" with others between them.
std::string incident_entries(const Incident& incident) {
  if (incident.count == 1) return std::to_string(incident.sequence);
  return concat(incident.sequence, "-", incident.last, " (", incident.count, ")");
}

// "void: a time before that of …", "packs that are missing or damaged: packs/3f/3f9a…"
std::string what_happened(const Incident& incident, const std::set<ObjectHash>& packs) {
  const std::string reason = printable(incident.reason);
  if (incident.kind == IncidentKind::void_entries) return concat("void: ", reason);
  const std::string first = packs.empty() ? "" : concat(": ", pack_path(*packs.begin()));
  const std::string more = packs.size() < 2 ? "" : concat(" and ", packs.size() - 1, " more");
  return concat(reason, first, more);
}

// Incidents of the journal, for who may see it.
void list_journal_incidents(Repository& repository, Json& list, Table& table) {
  for (const Incident& incident : list_incidents(repository)) {
    const std::string note = closing_note(repository, incident);
    std::set<ObjectHash> packs;
    if (incident.kind == IncidentKind::packs) packs = packs_of(repository, incident);
    Json json = {{"entry", incident.sequence},
                 {"last", incident.last},
                 {"count", incident.count},
                 {"reason", json_text(incident.reason)},
                 {"open", incident.is_open()}};
    for (const ObjectHash& pack : packs) {
      json["packs"].push_back(pack_path(pack));
    }
    if (!incident.is_open()) {
      json["closed_by"] = incident.closed_by;
      json["note"] = json_text(note);
    }
    if (incident.author != SlotId{}) json["slot"] = hex(incident.author);
    list.push_back(json);
    table.add({incident_entries(incident), what_happened(incident, packs),
               incident.is_open() ? "open" : concat("closed by entry ", incident.closed_by),
               printable(note)});
  }
}

// Packs that this machine has found gone or damaged.
void list_damage(const Repository& repository, Json& list, Table& table) {
  for (const DamageIncident& incident : damage_incidents(repository)) {
    Json packs = Json::array();
    for (const auto& [pack, problem] : incident.packs) {
      packs.push_back({{"object", pack_path(pack)}, {"problem", describe(problem)}});
      table.add({"here", concat(pack_path(pack), ": ", describe(problem)),
                 concat(incident.is_open() ? "open, found " : "closed, found ",
                        local_time(incident.found_ms)),
                 printable(incident.note)});
    }
    Json json = {
        {"found", utc_time(incident.found_ms)}, {"open", incident.is_open()}, {"packs", packs}};
    if (!incident.is_open()) {
      json["closed"] = utc_time(incident.closed_ms);
      json["note"] = json_text(incident.note);
    }
    list.push_back(json);
  }
}

Exit run_incident_list(Session& session) {
  Repository repository = session.open();
  Json entries = Json::array();
  Json damage = Json::array();
  Table table({"ENTRY", "INCIDENT", "STATE", "NOTE"});
  table.align_right(0);
  // A slot that only writes sees what its own machine has found, and no more.
  if (may_view(repository)) list_journal_incidents(repository, entries, table);
  list_damage(repository, damage, table);
  if (session.options.is_json) {
    print_json({{"incident", entries}, {"damage", damage}});
  } else {
    table.print();
  }
  return Exit::done;
}

// "17" or "17-20"; an empty text stands for all incidents.
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

// An incident of several entries is closed as one: each of them stands for it.
void widen_to_incidents(const Repository& repository, CloseIncidentsOptions& closing) {
  const CloseIncidentsOptions named = closing;
  for (const Incident& incident : open_incidents(repository)) {
    if (incident.last < named.first || incident.sequence > named.last) continue;
    closing.first = std::min(closing.first, incident.sequence);
    closing.last = std::max(closing.last, incident.last);
  }
}

Exit report_closed(const Session& session, const Repository& repository, std::uint64_t entry) {
  const auto closed = std::ranges::count(list_incidents(repository), entry, &Incident::closed_by);
  if (session.options.is_json) {
    print_json({{"entry", entry}, {"closed", closed}});
  } else {
    print_line(concat("closed ", closed, " incident", closed == 1 ? "" : "s",
                      " with journal entry ", entry));
  }
  return Exit::done;
}

Exit run_incident_accept_void(Session& session, const IncidentArguments& arguments) {
  if (!arguments.entries.empty()) {
    throw Error(Code::invalid,
                "--accept-void passes over all that cannot be read: name no entries");
  }
  Repository repository = session.open();
  require_capability(repository, can_own);
  const std::vector<UnsignedEntry> tail = find_unsigned_tail(repository);
  if (tail.empty()) {
    throw Error(Code::refused, "every entry can be read; there is nothing to pass over");
  }
  for (const UnsignedEntry& each : tail) {
    session.console.notice(
        concat("journal entry ", each.sequence, ": ", each.size, " bytes that no slot has signed"));
  }
  confirm(session,
          "If these are entries that were damaged, and a copy of the repository has them whole, "
          "restore them instead: whatever they said is void for everybody from here on. Go on?");
  return report_closed(session, repository, accept_unsigned_tail(repository, tail, arguments.note));
}

// No entry says so: other machines do not know of these incidents.
Exit run_incident_close_here(Session& session, const IncidentArguments& arguments) {
  if (!arguments.entries.empty() || arguments.accepts_void) {
    throw Error(Code::invalid,
                "--here closes what this machine has found: name no entries and no --accept-void");
  }
  const Repository repository = session.open();
  const std::uint64_t closed = close_damage_incidents(repository, arguments.note);
  if (closed == 0) throw Error(Code::refused, "no incident of this machine is open");
  if (session.options.is_json) {
    print_json({{"closed", closed}});
  } else {
    print_line(concat("closed ", closed, " incident", closed == 1 ? "" : "s",
                      " of this machine; the packs are still not relied on"));
  }
  return Exit::done;
}

Exit run_incident_close(Session& session, const IncidentArguments& arguments) {
  if (arguments.is_here) return run_incident_close_here(session, arguments);
  if (arguments.accepts_void) return run_incident_accept_void(session, arguments);
  CloseIncidentsOptions closing = parse_range(arguments.entries);
  closing.note = arguments.note;
  Repository repository = session.open();
  require_capability(repository, can_own);
  // An incident that arrives while this runs stays open: the owner has not seen it.
  closing.last = std::min(closing.last, journal_info(repository).entries - 1);
  widen_to_incidents(repository, closing);
  return report_closed(session, repository, close_incidents(repository, closing));
}

}  // namespace

void add_incident(CLI::App& app, Session& session) {
  CLI::App* command =
      app.add_subcommand("incident",
                         "List and close incidents: journal entries that do not count, and packs "
                         "that this machine found gone or damaged");
  command->require_subcommand(1);
  command->add_subcommand("list", "List all incidents, closed ones too")->callback([&session] {
    session.action = [&session] { return run_incident_list(session); };
  });
  auto arguments = std::make_shared<IncidentArguments>();
  CLI::App* close = command->add_subcommand("close", "Record that incidents were looked into");
  close->add_option("entries", arguments->entries,
                    "The numbers of the entries: 17, or 17-20 (default: all)");
  close->add_option("--note", arguments->note, "What was found out")->type_name("TEXT")->required();
  close->add_flag("--accept-void", arguments->accepts_void,
                  "Skip entries that cannot be read, for every client");
  close->add_flag("--here", arguments->is_here,
                  "Close what this machine has found: packs that are gone or damaged");
  close->callback([&session, arguments] {
    session.action = [&session, arguments] { return run_incident_close(session, *arguments); };
  });
}

}  // namespace kist::cli
