#include <optional>

#include "cli/act_text.h"
#include "cli/command.h"

namespace kist::cli {

namespace {

SlotNames names_of_slots(const Repository& repository) {
  SlotNames out;
  for (const SlotInfo& slot : list_slots(repository)) {
    out.emplace(slot.slot, slot.name);
  }
  return out;
}

Json to_json(const ReplayedEntry& replayed) {
  const JournalEntry& entry = replayed.entry;
  const bool is_void = !replayed.void_reason.empty();
  Json json = {{"sequence", entry.sequence}, {"hash", hex(replayed.hash)}, {"void", is_void}};
  if (is_void) {
    json["reason"] = json_text(replayed.void_reason);
    return json;
  }
  json["type"] = act_name(entry.act);
  json["time"] = utc_time(entry.time_ms);
  json["time_doubted"] = entry.is_time_doubted;
  json["author"] = hex(entry.author);
  json["previous"] = hex(entry.previous);
  json["epoch"] = entry.epoch_number;
  add_act(json, entry.act);
  return json;
}

Exit run_journal_list(Session& session) {
  Repository repository = session.open();
  require_view(repository);
  const SlotNames names = names_of_slots(repository);
  Json list = Json::array();
  Table table({"ENTRY", "TIME", "TYPE", "AUTHOR", "SUBJECT"});
  table.align_right(0);
  for_each_journal_entry(repository, 0, [&](const ReplayedEntry& replayed) {
    if (session.options.is_json) {
      list.push_back(to_json(replayed));
    } else if (!replayed.void_reason.empty()) {
      const SlotId& author = replayed.entry.author;
      table.add({std::to_string(replayed.entry.sequence), "", "void",
                 author == SlotId{} ? "" : slot_label(names, author),
                 printable(replayed.void_reason)});
    } else {
      table.add(
          {std::to_string(replayed.entry.sequence),
           concat(local_time(replayed.entry.time_ms), replayed.entry.is_time_doubted ? "?" : ""),
           act_name(replayed.entry.act), slot_label(names, replayed.entry.author),
           subject(names, replayed.entry.act)});
    }
    return true;
  });
  if (session.options.is_json) {
    print_json({{"journal", list}});
  } else {
    table.print();
  }
  return Exit::done;
}

Exit run_journal_show(Session& session, std::uint64_t sequence) {
  Repository repository = session.open();
  const std::optional<ReplayedEntry> found = find_journal_entry(repository, sequence);
  if (!found) throw Error(Code::failed, concat("the journal has no entry ", sequence));
  print_line(session.options.is_json ? to_json(*found).dump() : to_json(*found).dump(2));
  return Exit::done;
}

Exit run_journal_checkpoint(Session& session) {
  Repository repository = session.open();
  require_view(repository);
  const std::string note = make_checkpoint(repository);
  const std::string verifier = checkpoint_verifier(repository);
  if (session.options.is_json) {
    print_json({{"checkpoint", note}, {"verifier", verifier}});
    return Exit::done;
  }
  print_line(std::string_view(note).substr(0, note.size() - 1));
  session.console.notice(concat("others check it with the key ", verifier));
  return Exit::done;
}

Exit run_journal_prove(Session& session, std::uint64_t sequence) {
  Repository repository = session.open();
  require_view(repository);
  const std::string proof = prove_entry(repository, sequence);
  if (session.options.is_json) {
    print_json({{"proof", proof}});
  } else {
    print_line(std::string_view(proof).substr(0, proof.size() - 1));
  }
  return Exit::done;
}

// Compares the journal with the checkpoint in the file. Error{corrupt} when the journal does not
// continue the one of which the checkpoint was made: it was rolled back, or replaced.
Consistency check_kept(Repository& repository, const std::string& file) {
  return in_context(file, [&] {
    const Bytes text = read_file(file, 64U << 10U);
    const Consistency found = check_checkpoint(repository, parse_checkpoint(as_text(text)));
    if (found.is_consistent) return found;
    throw Error(Code::corrupt,
                concat("the journal does not continue this checkpoint of ", found.size,
                       " entries: it was rolled back or replaced; do not use this repository "
                       "before you know why"));
  });
}

Exit run_journal_verify(Session& session, const std::string& checkpoint) {
  Repository repository = session.open();
  require_view(repository);
  rebuild_catalog(repository);
  std::optional<Consistency> kept;
  if (!checkpoint.empty()) kept = check_kept(repository, checkpoint);
  const JournalInfo journal = journal_info(repository);
  std::vector<Incident> voids = list_incidents(repository);
  std::erase_if(voids,
                [](const Incident& each) { return each.kind != IncidentKind::void_entries; });
  if (session.options.is_json) {
    Json list = Json::array();
    for (const Incident& entry : voids) {
      list.push_back({{"sequence", entry.sequence},
                      {"last", entry.last},
                      {"count", entry.count},
                      {"reason", json_text(entry.reason)},
                      {"open", entry.is_open()}});
    }
    Json out = {{"entries", journal.entries}, {"head", hex(journal.head)}, {"void", list}};
    if (kept) out["checkpoint_entries"] = kept->size;
    if (!journal.problem.empty()) out["problem"] = json_text(journal.problem);
    print_json(out);
  } else {
    print_line(concat("replayed ", journal.entries, " entries: chain, signatures and rules hold"));
    for (const Incident& entry : voids) {
      print_line(concat("void: entry ", entry.sequence,
                        entry.count == 1 ? "" : concat(" and ", entry.count - 1, " more"), ", ",
                        printable(entry.reason),
                        entry.is_open() ? "" : concat("; closed by entry ", entry.closed_by)));
    }
    if (kept) {
      print_line(concat("continues the checkpoint of ", kept->size, " entries",
                        kept->is_signed_by_slot ? "" : " (signed by another slot: not checked)"));
    }
    print_line(concat("head ", hex(journal.head)));
    if (!journal.problem.empty()) print_line(concat("BROKEN   ", printable(journal.problem)));
  }
  const bool is_sound = open_incidents(repository).empty() && journal.problem.empty();
  return is_sound ? Exit::done : Exit::integrity;
}

Exit run_journal_reset_clock(Session& session, const std::string& reason) {
  Repository repository = session.open();
  require_capability(repository, can_own);
  const ClockReading clock = read_clock(repository);
  confirm(session,
          concat("The newest entry claims to be of ", local_time(clock.newest_ms),
                 ", and this machine's clock says ", local_time(clock.now_ms),
                 ". Is this machine's time right? It cannot be taken back that nothing before this "
                 "counts as later."));
  const std::uint64_t entry = reset_clock(repository, reason);
  if (session.options.is_json) {
    print_json({{"entry", entry}});
  } else {
    print_line(concat("reset the clock with journal entry ", entry));
  }
  return Exit::done;
}

}  // namespace

void add_journal(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("journal", "The signed history of the repository");
  command->require_subcommand(1);
  command->add_subcommand("list", "List all entries")->callback([&session] {
    session.action = [&session] { return run_journal_list(session); };
  });
  CLI::App* show = command->add_subcommand("show", "Show one entry in full");
  auto sequence = std::make_shared<std::uint64_t>(0);
  show->add_option("entry", *sequence, "The number of the entry")->required();
  show->callback([&session, sequence] {
    session.action = [&session, sequence] { return run_journal_show(session, *sequence); };
  });
  auto kept = std::make_shared<std::string>();
  CLI::App* verify =
      command->add_subcommand("verify", "Read the whole journal again from the store and check it");
  verify
      ->add_option(
          "--checkpoint", *kept,
          "Also check that the journal continues this checkpoint, which was kept elsewhere")
      ->type_name("FILE");
  verify->callback([&session, kept] {
    session.action = [&session, kept] { return run_journal_verify(session, *kept); };
  });
  command
      ->add_subcommand("checkpoint",
                       "Print a signed note of the journal's length and hash, to keep elsewhere")
      ->callback(
          [&session] { session.action = [&session] { return run_journal_checkpoint(session); }; });
  CLI::App* prove =
      command->add_subcommand("prove", "Print a proof that an entry is in the journal");
  prove->add_option("entry", *sequence, "The number of the entry")->required();
  prove->callback([&session, sequence] {
    session.action = [&session, sequence] { return run_journal_prove(session, *sequence); };
  });
  CLI::App* reset = command->add_subcommand(
      "reset-clock", "Take back times of the future, after a machine's clock was wrong");
  auto reason = std::make_shared<std::string>();
  reset->add_option("--reason", *reason, "What happened")->type_name("TEXT")->required();
  reset->callback([&session, reason] {
    session.action = [&session, reason] { return run_journal_reset_clock(session, *reason); };
  });
}

}  // namespace kist::cli
