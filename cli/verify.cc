#include <algorithm>

#include "cli/command.h"

namespace kist::cli {

namespace {

struct VerifyArguments {
  std::string level = "structure";
  unsigned threads = 0;
  bool repairs = false;
  bool is_dry_run = false;
  bool drops_unreadable = false;
};

VerifyLevel level_of(const std::string& name) {
  if (name == "storage") return VerifyLevel::storage;
  return name == "content" ? VerifyLevel::content : VerifyLevel::structure;
}

std::string kind_name(FindingKind kind) {
  switch (kind) {
    case FindingKind::damage:
      return "damage";
    case FindingKind::absent:
      return "absent";
    case FindingKind::invalid:
      return "invalid";
  }
  return "";
}

std::string remedy_name(Remedy remedy) {
  switch (remedy) {
    case Remedy::none:
      return "none";
    case Remedy::heal:
      return "heal";
    case Remedy::remove:
      return "remove";
    case Remedy::give_up:
      return "give_up";
    case Remedy::wait:
      return "wait";
  }
  return "";
}

Json to_json(const VerifyArguments& arguments, const VerifyReport& report) {
  Json findings = Json::array();
  for (const Finding& finding : report.findings) {
    Json json = {{"object", json_text(finding.object)},
                 {"problem", json_text(finding.problem)},
                 {"kind", kind_name(finding.kind)},
                 {"healed", finding.is_healed},
                 {"remedy", remedy_name(finding.remedy)}};
    if (finding.offset) json["offset"] = *finding.offset;
    findings.push_back(json);
  }
  Json notes = Json::array();
  for (const VerifyNote& note : report.notes) {
    notes.push_back({{"object", note.object}, {"text", json_text(note.text)}});
  }
  Json hurt = Json::array();
  for (const HurtPath& path : report.hurt) {
    hurt.push_back({{"snapshot", hex(path.snapshot)},
                    {"path", json_text("/" + path.path)},
                    {"restorable", path.is_restorable}});
  }
  return {{"level", arguments.level},
          {"dry_run", arguments.is_dry_run},
          {"findings", findings},
          {"notes", notes},
          {"healed", report.healed},
          {"hurt", hurt},
          {"hurt_count", report.hurt_count},
          {"restorable_count", report.restorable_count},
          {"entries", report.entries},
          {"snapshots", report.snapshots},
          {"packs", report.packs},
          {"frames", report.frames},
          {"blocks", report.blocks},
          {"bytes_read", report.bytes_read},
          {"proved", report.proved},
          {"condemned", report.condemned},
          {"cleared", report.cleared},
          {"given_up", report.given_up},
          {"sets_proved", report.sets_proved}};
}

std::string count_of_packs(std::uint64_t count) {
  return concat(count, count == 1 ? " pack" : " packs");
}

// Of nine characters. In a dry run, a verb: what a repair would do.
std::string_view finding_word(const VerifyArguments& arguments, const Finding& finding) {
  if (finding.remedy == Remedy::give_up) return arguments.is_dry_run ? "GIVE UP  " : "GIVEN UP ";
  if (finding.is_healed) return "HEALED   ";
  if (finding.remedy == Remedy::wait) return "LEFT     ";
  if (arguments.is_dry_run && finding.remedy == Remedy::heal) return "HEAL     ";
  if (arguments.is_dry_run && finding.remedy == Remedy::remove) return "REMOVE   ";
  if (finding.kind == FindingKind::absent) return "ABSENT   ";
  if (finding.kind == FindingKind::invalid) return "INVALID  ";
  return "DAMAGED  ";
}

void print_findings(const VerifyArguments& arguments, const VerifyReport& report) {
  for (const Finding& finding : report.findings) {
    print_line(concat(finding_word(arguments, finding), printable(finding.object),
                      finding.offset ? concat(" at ", *finding.offset) : std::string(), ": ",
                      printable(finding.problem)));
  }
  for (const VerifyNote& note : report.notes) {
    print_line(concat("NOTE     ", note.object, ": ", printable(note.text)));
  }
  for (const HurtPath& path : report.hurt) {
    print_line(concat(path.is_restorable ? "AT RISK  " : "LOST     ",
                      hex(path.snapshot).substr(0, 10), ":", printable("/" + path.path)));
  }
  if (report.hurt_count > report.hurt.size()) {
    print_line(concat("and ", report.hurt_count - report.hurt.size(), " more paths"));
  }
}

void print_advice(const VerifyArguments& arguments, const VerifyReport& report) {
  const std::uint64_t left = report.findings.size() - report.healed;
  if (report.findings.empty()) print_line("no damage found");
  if (!report.findings.empty()) {
    print_line(concat(report.findings.size(), " findings, ", report.healed, " healed, ",
                      report.hurt_count, " paths hurt"));
  }
  const auto count = [&](Remedy remedy) {
    return std::ranges::count_if(report.findings, [&](const Finding& finding) {
      return !finding.is_healed && finding.remedy == remedy;
    });
  };
  if (count(Remedy::wait) > 0) {
    print_line(
        "LEFT: no journal entry names the object. A command that is under way may need it, so a "
        "repair leaves it alone; the line says what removes it.");
  }
  if (report.restorable_count > 0) {
    print_line(
        concat(report.restorable_count,
               " of the paths can be restored, from copies that their snapshots do not name: "
               "another snapshot keeps these"));
  }
  if (left == static_cast<std::uint64_t>(count(Remedy::wait))) return;
  if (arguments.is_dry_run) {
    print_line(concat("dry run: a repair would heal ", count(Remedy::heal), ", remove ",
                      count(Remedy::remove), " and leave ",
                      count(Remedy::none) + count(Remedy::wait) + count(Remedy::give_up),
                      " of these; nothing was written"));
    return;
  }
  if (!arguments.repairs) {
    print_line(concat(
        "kist verify --level ", arguments.level,
        " --repair heals what has a good second copy or can be made anew, and removes what was "
        "to be removed."));
  }
  const bool is_of_packs = std::ranges::any_of(report.findings, [](const Finding& finding) {
    return !finding.is_healed && finding.object.starts_with("packs/");
  });
  if (!is_of_packs && report.hurt_count == 0) return;
  print_line(
      "What a damaged pack held can only come from elsewhere: back up the sources that still have "
      "it, on each machine, then run kist verify --level content --repair, which gives it to the "
      "older snapshots too; or put the pack back from a copy of the repository.");
}

// Nobody puts a copy of an anchor back: another epoch brings four new ones. In a dry run it is only
// said.
void renew_anchors(Session& session,
                   Repository& repository,
                   const VerifyArguments& arguments,
                   VerifyReport& report) {
  if (!arguments.is_dry_run) {
    try {
      static_cast<void>(end_epoch(repository, {}));
    } catch (const Error& error) {
      return session.console.problem("the epoch's anchor", error);
    }
  }
  for (Finding& finding : report.findings) {
    if (!finding.object.starts_with("anchors/")) continue;
    finding.remedy = Remedy::heal;
    finding.is_healed = !arguments.is_dry_run;
    if (finding.is_healed) ++report.healed;
  }
}

Exit run_verify(Session& session, const VerifyArguments& arguments) {
  Repository repository = session.open();
  if (arguments.drops_unreadable && !arguments.is_dry_run) {
    confirm(session,
            "Give up index segments that are in no copy and cannot be made anew? What only they "
            "listed is lost for good, even if a copy turns up. A machine that has worked with the "
            "repository for long may know more of them: run it there first.");
  }
  VerifyReport report = verify(repository, {.level = level_of(arguments.level),
                                            .threads = arguments.threads,
                                            .repairs = arguments.repairs,
                                            .is_dry_run = arguments.is_dry_run,
                                            .drops_unreadable = arguments.drops_unreadable});
  if (arguments.repairs && report.lost_anchors > 0) {
    renew_anchors(session, repository, arguments, report);
  }
  session.console.clear_progress();
  if (session.options.is_json) {
    print_json(to_json(arguments, report));
  } else {
    print_findings(arguments, report);
    print_line(concat("verified ", arguments.level, ": ", report.entries, " journal entries, ",
                      report.snapshots, " snapshots, ", report.packs, " packs, ", report.frames,
                      " frames, ", report.blocks, " blocks, ", human_size(report.bytes_read),
                      " read"));
    if (report.proved > 0) {
      print_line(concat(report.proved,
                        " journal entries proved: writers may rely on what these have stored"));
    }
    if (report.sets_proved > 0) {
      print_line(concat(report.sets_proved, report.sets_proved == 1 ? " snapshot" : " snapshots",
                        " proved: the reference set names what the manifest needs, and no more"));
    }
    if (report.condemned > 0) {
      print_line(concat(count_of_packs(report.condemned),
                        " condemned: backups of every machine store again what their sources "
                        "still have of that"));
    }
    if (report.cleared > 0) {
      print_line(concat(count_of_packs(report.cleared),
                        " cleared, which had been condemned: every byte is whole, or all that "
                        "they held is elsewhere"));
    }
    if (report.given_up > 0) {
      print_line(concat(report.given_up,
                        report.given_up == 1 ? " index segment" : " index segments",
                        " given up: back up the sources that still "
                        "have what is LOST"));
    }
    print_advice(arguments, report);
  }
  const bool is_sound = report.findings.size() == report.healed && report.hurt_count == 0;
  return is_sound ? Exit::done : Exit::integrity;
}

}  // namespace

void add_verify(CLI::App& app, Session& session) {
  CLI::App* command =
      app.add_subcommand("verify", "Check that everything stored is there and undamaged");
  auto arguments = std::make_shared<VerifyArguments>();
  command
      ->add_option(
          "--level", arguments->level,
          "structure (default): every object is there; storage: also read every byte and check "
          "its hash; content: also decrypt everything")
      ->check(CLI::IsMember({"structure", "storage", "content"}));
  command
      ->add_option("-j,--threads", arguments->threads,
                   "Worker threads (default: one for each processor)")
      ->check(CLI::Range(1, 256));
  CLI::Option* repair = command->add_flag("--repair", arguments->repairs,
                                          "Repair objects that have a good second copy or can be "
                                          "made anew, and the index where what it lists is "
                                          "elsewhere");
  command
      ->add_flag("-n,--dry-run", arguments->is_dry_run,
                 "With --repair: say what would be healed and removed, and write nothing")
      ->needs(repair);
  command
      ->add_flag(
          "--drop-unreadable", arguments->drops_unreadable,
          "With --repair: give up index segments that are in no copy and cannot be made anew")
      ->needs(repair);
  command->footer(
      "Examples:\n  kist verify\n  kist verify --level content\n"
      "  kist verify --level content --repair\n  kist verify --repair --dry-run");
  command->callback([&session, arguments] {
    session.action = [&session, arguments] { return run_verify(session, *arguments); };
  });
}

}  // namespace kist::cli
