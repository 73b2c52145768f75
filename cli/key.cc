
#include "cli/command.h"
#include "cli/recovery_sheet.h"

namespace kist::cli {

namespace {

struct KeyArguments {
  SecretOptions secret;
  std::string name;
  std::string role = "owner";
  std::string recipient;
  std::vector<std::string> sources;
  std::uint32_t passes = argon2_floor.passes;
  std::uint32_t memory_mib = argon2_floor.memory_kib >> 10U;

  [[nodiscard]] const std::string& name_or_role() const { return name.empty() ? role : name; }

  [[nodiscard]] Capabilities capabilities() const { return *capabilities_of_role(role); }

  [[nodiscard]] Argon2Cost cost() const {
    const Argon2Cost out{passes, memory_mib << 10U};
    if (!is_allowed(out)) {
      throw Error(Code::invalid, "Argon2id takes 3 to 16 passes and 64 to 4096 MiB of memory");
    }
    return out;
  }
};

struct KeyFileArguments {
  std::string file;
  std::string fingerprint;
};

struct EpochArguments {
  std::vector<std::string> slots;
  EndEpochOptions options;
  bool is_dry_run = false;
};

std::string kind_name(SlotKind kind) {
  switch (kind) {
    case SlotKind::passphrase:
      return "password";
    case SlotKind::key_file:
      return "key file";
    case SlotKind::recipient:
      return "recipient, not accepted";
    case SlotKind::recovery_sheet:
      return "recovery sheet";
  }
  return "";
}

// "laptop (3f9a12bc)"
std::string slot_label(const SlotInfo& slot) {
  return concat(slot.name, " (", hex(slot.slot).substr(0, 8), ")");
}

// The label of the last owner's slot, once those in `without` are revoked. Empty where two or more
// owner's slots are left, or none.
std::string only_owner(std::vector<SlotInfo> slots, const std::vector<SlotId>& without) {
  std::erase_if(slots, [&](const SlotInfo& slot) {
    return slot.is_revoked || !slot.is_accepted || (slot.capabilities & can_own) == 0 ||
           std::ranges::count(without, slot.slot) > 0;
  });
  return slots.size() == 1 ? slot_label(slots.front()) : std::string();
}

// "desk, mail"; the rest as a count.
std::string sources_text(const std::vector<std::string>& sources) {
  constexpr std::size_t shown_max = 3;
  std::string out;
  for (std::size_t i = 0; i < std::min(sources.size(), shown_max); ++i) {
    out += concat(out.empty() ? "" : ", ", printable(sources[i]));
  }
  if (sources.size() <= shown_max) return out;
  return concat(out, " and ", sources.size() - shown_max, " more");
}

Exit run_key_list(Session& session) {
  Repository repository = session.open();
  require_view(repository);
  const std::vector<SlotInfo> slots = list_slots(repository);
  Json list = Json::array();
  Table table({"SLOT", "NAME", "ROLE", "KIND", "ADDED", "BY", "LAST SEEN", "SOURCES"});
  for (const SlotInfo& slot : slots) {
    list.push_back({{"slot", hex(slot.slot)},
                    {"name", json_text(slot.name)},
                    {"kind", kind_name(slot.kind)},
                    {"role", role_name(slot.capabilities)},
                    {"capabilities", capability_names(slot.capabilities)},
                    {"added", utc_time(slot.added_ms)},
                    {"added_by", hex(slot.added_by)},
                    {"last_seen", utc_time(slot.last_seen_ms)},
                    {"sources", text_list(slot.sources)},
                    {"revoked", slot.is_revoked},
                    {"current", slot.is_own}});
    table.add({hex(slot.slot).substr(0, 8) + (slot.is_own ? "*" : ""), printable(slot.name),
               concat(role_name(slot.capabilities), slot.is_revoked ? ", revoked" : ""),
               kind_name(slot.kind), local_time(slot.added_ms), hex(slot.added_by).substr(0, 8),
               local_time(slot.last_seen_ms), sources_text(slot.sources)});
  }
  if (session.options.is_json) {
    print_json({{"key", list}});
  } else {
    table.print();
  }
  const std::string owner = only_owner(slots, {});
  if (!owner.empty()) {
    session.console.notice(concat(owner,
                                  " is the only owner's slot: if it is lost, nobody can let "
                                  "others in, or shut them out; kist key add or kist key export "
                                  "makes another"));
  }
  return Exit::done;
}

Exit run_key_generate(Session& session, const KeyFileArguments& arguments) {
  const bool makes_it = !path_exists(arguments.file);
  const Credential credential =
      makes_it ? make_key_file(arguments.file, session.random()) : get_key_file(arguments.file);
  const std::string recipient = encode_recipient(recipient_of(credential));
  if (session.options.is_json) {
    print_json({{"recipient", recipient}, {"made", makes_it}});
    return Exit::done;
  }
  print_line(recipient);
  session.console.notice(concat(
      makes_it ? "made " : "the public half of ", arguments.file,
      "; give the line to an owner, for kist key add --recipient, and keep the file to yourself"));
  return Exit::done;
}

Exit run_key_accept(Session& session, const KeyFileArguments& arguments) {
  const auto fingerprint = parse_id<ObjectHash>(arguments.fingerprint);
  if (!fingerprint) {
    throw Error(Code::invalid, "--fingerprint takes the 64 digits that the owner was told");
  }
  const Repository repository = session.accept(*fingerprint);
  const Identity slot = who_am_i(repository);
  if (session.options.is_json) {
    print_json({{"slot", hex(slot.slot)}, {"role", role_name(slot.capabilities)}});
  } else {
    print_line(concat("accepted: the key opens slot ", hex(slot.slot), " (", printable(slot.name),
                      ", ", role_name(slot.capabilities), ")"));
  }
  return Exit::done;
}

Exit report_recipient(const Session& session, const Repository& repository, const SlotId& slot) {
  const std::string fingerprint = hex(who_am_i(repository).fingerprint);
  if (session.options.is_json) {
    print_json({{"slot", hex(slot)}, {"fingerprint", fingerprint}});
    return Exit::done;
  }
  print_line(concat("added slot ", hex(slot), "; its holder makes it open, once, with"));
  print_line(concat("kist key accept --fingerprint ", fingerprint, " --key-file FILE"));
  return Exit::done;
}

Exit run_key_add(Session& session, const KeyArguments& arguments) {
  const Argon2Cost cost = arguments.cost();
  Repository repository = session.open();
  require_capability(repository,
                     can_own);  // before a new secret is asked for, or a key file is made
  require_bindable(repository, arguments.sources, arguments.capabilities());
  if (!arguments.recipient.empty()) {
    const SlotId slot =
        add_recipient(repository, parse_recipient(arguments.recipient), arguments.name_or_role(),
                      arguments.capabilities(), arguments.sources);
    return report_recipient(session, repository, slot);
  }
  const Credential credential = get_new_credential(arguments.secret, session.random());
  const std::string& name = arguments.name_or_role();
  const SlotId slot =
      add_slot(repository, credential, cost, {name, arguments.capabilities(), arguments.sources});
  if (session.options.is_json) {
    print_json({{"slot", hex(slot)}, {"role", arguments.role}});
  } else {
    print_line(concat("added slot ", hex(slot), " (", name, ", ", arguments.role, ")"));
  }
  return Exit::done;
}

// The file is created first and filled only after the journal has the slot, so that no copy of a
// key exists that the journal does not know of.
Exit run_key_export(Session& session, const KeyArguments& arguments, const std::string& path) {
  Repository repository = session.open();
  require_capability(repository, can_own);
  File file = path == "-" ? File() : File::create_new(path);
  Key key;
  session.random().fill(key.mutable_view());
  const SecretBytes text = encode_key_file(key);
  const std::string& name = arguments.name.empty() ? "recovery sheet" : arguments.name;
  const Identity identity = who_am_i(repository);
  SlotId slot;
  try {
    slot = add_recovery_sheet(repository, parse_key_file(text.view(), path), name,
                              arguments.capabilities());
  } catch (const Error& error) {
    if (file.is_open()) remove_file(path);
    throw Error(error.code(), concat(error.text(),
                                     "; there is no sheet, so if kist key list shows a "
                                     "new slot ",
                                     name, ", revoke it"));
  }
  in_context(
      concat("the slot is made, but not its sheet; revoke it with kist key revoke ", hex(slot)),
      [&] {
        const SecretBytes sheet = make_recovery_sheet(
            {.repository = hex(identity.repository),
             .fingerprint = hex(identity.fingerprint),
             .location = printable(absolute_path(session.options.repository)),
             .slot = concat(hex(slot), " (", printable(name), ", ", arguments.role, ")"),
             .time = local_time(session.services().clock.now_ms())},
            text.view());
        if (path == "-") return print_secret(sheet.view());
        file.append(sheet.view());
        file.sync();
        sync_name(path);
      });
  if (path == "-") return Exit::done;
  if (session.options.is_json) {
    print_json({{"slot", hex(slot)}, {"sheet", json_text(path)}});
  } else {
    print_line(concat("added slot ", hex(slot), " (", printable(name), ", ", arguments.role,
                      "); print ", path, " and remove the file: it holds the key"));
  }
  return Exit::done;
}

// The slot, not revoked, with that name, or with an id that begins with those four or more digits.
// Error{invalid} when none or several fit.
const SlotInfo& find_slot(const std::vector<SlotInfo>& slots, const std::string& wanted) {
  std::vector<const SlotInfo*> found;
  for (const SlotInfo& slot : slots) {
    const bool has_digits = wanted.size() >= 4 && hex(slot.slot).starts_with(wanted);
    if (!slot.is_revoked && (slot.name == wanted || has_digits)) found.push_back(&slot);
  }
  if (found.size() == 1) return *found.front();
  throw Error(Code::invalid,
              concat(found.empty() ? "no slot is called " : "more than one slot is called ", wanted,
                     "; kist key list shows them"));
}

Exit report_epoch(const Session& session, const EndEpochResult& result) {
  if (session.options.is_json) {
    print_json({{"entry", result.sequence},
                {"epoch", result.epoch_number},
                {"dropped", result.dropped},
                {"removed", result.removed},
                {"given_up", hex_list(result.given_up)}});
    return Exit::done;
  }
  for (const std::string& name : result.dropped) {
    print_line(concat("given up: ", name));
  }
  for (const SnapshotId& snapshot : result.given_up) {
    print_line(concat("given up: snapshot ", hex(snapshot), ", of which not all is stored"));
  }
  print_line(concat("epoch ", result.epoch_number, " has begun with journal entry ",
                    result.sequence, "; ", result.removed, " objects of former ones removed"));
  return Exit::done;
}

// Both copies of an object are two lines; so are the slots that stay and those that go.
Exit report_epoch_plan(const Session& session,
                       const std::vector<SlotInfo>& slots,
                       const EndEpochPlan& plan) {
  const auto slot_of = [&](const SlotId& id) {
    return *std::ranges::find(slots, id, &SlotInfo::slot);
  };
  if (session.options.is_json) {
    const auto to_json = [&](const std::vector<SlotId>& ids) {
      Json out = Json::array();
      for (const SlotId& id : ids) {
        out.push_back({{"slot", hex(id)}, {"name", json_text(slot_of(id).name)}});
      }
      return out;
    };
    Json removals = Json::array();
    for (const Removal& removal : plan.removal.removals) {
      removals.push_back({{"path", json_text(removal.path)}, {"reason", removal.reason}});
    }
    print_json({{"dry_run", true},
                {"entry", plan.sequence},
                {"epoch", plan.epoch_number},
                {"kept", to_json(plan.slots.kept)},
                {"shut_out", to_json(plan.slots.shut_out)},
                {"carried", plan.carried},
                {"dropped", plan.dropped},
                {"removals", removals},
                {"given_up", hex_list(plan.given_up)}});
    return Exit::done;
  }
  const auto print_all = [](std::string_view word, const auto& things, const auto& text) {
    for (const auto& thing : things) {
      print_line(concat(word, text(thing)));
    }
  };
  const auto label = [&](const SlotId& id) { return printable(slot_label(slot_of(id))); };
  const auto as_it_is = [](const std::string& path) { return path; };
  print_all("KEEP SLOT  ", plan.slots.kept, label);
  print_all("SHUT OUT   ", plan.slots.shut_out, label);
  print_all("CARRY ON   ", plan.carried, as_it_is);
  print_all("GIVE UP    ", plan.dropped, as_it_is);
  print_all("GIVE UP    ", plan.given_up,
            [](const SnapshotId& id) { return concat("snapshot ", hex(id)); });
  print_all("REMOVE     ", plan.removal.removals, [](const Removal& removal) {
    return concat(printable(removal.path), ": ", removal.reason);
  });
  print_line(concat("dry run: epoch ", plan.epoch_number, " would begin with journal entry ",
                    plan.sequence, ", and ", plan.removal.removals.size(),
                    " objects of former ones would be removed; nothing was written"));
  return Exit::done;
}

Exit run_key_revoke(Session& session, const EpochArguments& arguments) {
  Repository repository = session.open();
  require_capability(repository, can_own);
  const std::vector<SlotInfo> slots = list_slots(repository);
  std::vector<SlotId> revoked;
  std::string names;
  for (const std::string& wanted : arguments.slots) {
    const SlotInfo& slot = find_slot(slots, wanted);
    if (slot.is_own) {
      throw Error(Code::invalid, "a slot cannot revoke itself; use another owner's");
    }
    if (std::ranges::count(revoked, slot.slot) > 0) continue;
    revoked.push_back(slot.slot);
    names += concat(names.empty() ? "" : ", ", slot_label(slot));
  }
  EndEpochOptions options = arguments.options;
  options.revoked = revoked;
  if (arguments.is_dry_run) {
    return report_epoch_plan(session, slots, plan_end_epoch(repository, options));
  }
  const bool had_more = only_owner(slots, {}).empty();
  const std::string owner = had_more ? only_owner(slots, revoked) : "";
  const std::size_t given_up = find_given_up(repository, options).size();
  confirm(session,
          concat("Revoke ", names,
                 "? Nothing that is stored from now on opens with it, and it cannot be taken back.",
                 given_up == 0 ? ""
                               : concat(" Snapshots of it of which not all is stored are given "
                                        "up for good: ",
                                        given_up, " (--dry-run names them)."),
                 owner.empty() ? ""
                               : concat(" Only one owner's slot is left then, ", owner,
                                        ": whoever loses it has lost the repository.")));
  return report_epoch(session, end_epoch(repository, options));
}

Exit run_key_rotate(Session& session, const EpochArguments& arguments) {
  Repository repository = session.open();
  if (arguments.is_dry_run) {
    const EndEpochPlan plan = plan_end_epoch(repository, arguments.options);
    return report_epoch_plan(session, list_slots(repository), plan);
  }
  return report_epoch(session, end_epoch(repository, arguments.options));
}

Exit run_key_passwd(Session& session, const KeyArguments& arguments) {
  const Argon2Cost cost = arguments.cost();
  Repository repository = session.open();
  const Credential credential = get_new_credential(arguments.secret, session.random());
  rewrap_slot(repository, credential, cost);
  if (session.options.is_json) {
    print_json({{"slot", hex(who_am_i(repository).slot)}});
  } else {
    print_line(
        "done: the new secret opens the slot, the old one does not. Whoever had copied the\n"
        "slot's object and knew the old secret keeps what it opened: after a leak, add a new\n"
        "slot.");
  }
  return Exit::done;
}

void add_new_secret_options(CLI::App& command, KeyArguments& arguments) {
  command.add_option("--new-password-file", arguments.secret.password_file,
                     "Read the new password from this file (default: ask for it)");
  command.add_option("--new-key-file", arguments.secret.key_file,
                     "Use this key file; it is made if it does not exist");
  command.add_option("--argon2-passes", arguments.passes,
                     "Passes of Argon2id over the password (default 3)");
  command.add_option("--argon2-memory", arguments.memory_mib,
                     "Memory for Argon2id, in MiB (default 64)");
}

void add_role_options(CLI::App& command, KeyArguments& arguments) {
  command.add_option("--name", arguments.name, "A name for the slot, such as laptop");
  command
      .add_option(
          "--role", arguments.role,
          "What the slot may do: writer (back up, and nothing else), reader (restore), auditor "
          "(list and verify, without seeing names or content), operator (all daily work), owner "
          "(everything; the default)")
      ->check(
          CLI::IsMember(std::vector<std::string>(std::begin(role_names), std::end(role_names))));
}

// The commands that make a key: generate, accept, export.
void add_key_files(CLI::App& command, Session& session) {
  auto arguments = std::make_shared<KeyFileArguments>();
  CLI::App* generate = command.add_subcommand(
      "generate",
      "Make a key file and print its public half; an owner lets it in with key add --recipient");
  generate->add_option("file", arguments->file, "The key file; if it exists, it stays as it is")
      ->required();
  generate->callback([&session, arguments] {
    session.action = [&session, arguments] { return run_key_generate(session, *arguments); };
  });
  CLI::App* accept = command.add_subcommand(
      "accept",
      "Accept a slot: from then on, the key that an owner has let in opens the repository");
  accept
      ->add_option("--fingerprint", arguments->fingerprint,
                   "The fingerprint of the repository; ask the owner for it, do not take it from "
                   "the storage")
      ->type_name("DIGITS")
      ->required();
  accept->callback([&session, arguments] {
    session.action = [&session, arguments] { return run_key_accept(session, *arguments); };
  });
  auto sheet = std::make_shared<KeyArguments>();
  CLI::App* export_key = command.add_subcommand(
      "export", "Make a recovery sheet: a new key, as text and QR code, to print");
  add_role_options(*export_key, *sheet);
  export_key->add_option("file", arguments->file, "The file to write the sheet to; - prints it")
      ->required();
  export_key->callback([&session, sheet, arguments] {
    session.action = [&session, sheet, arguments] {
      return run_key_export(session, *sheet, arguments->file);
    };
  });
}

}  // namespace

void add_key(CLI::App& app, Session& session) {
  CLI::App* command =
      app.add_subcommand("key", "Manage slots: each opens the repository with a password or a key");
  command->require_subcommand(1);
  command->add_subcommand("list", "List all slots")->callback([&session] {
    session.action = [&session] { return run_key_list(session); };
  });
  add_key_files(*command, session);
  auto arguments = std::make_shared<KeyArguments>();
  CLI::App* add = command->add_subcommand("add", "Add a slot");
  add_new_secret_options(*add, *arguments);
  add->add_option("--recipient", arguments->recipient,
                  "Let in a key whose public half kist key generate has printed elsewhere")
      ->type_name("KEY")
      ->excludes("--new-password-file")
      ->excludes("--new-key-file");
  add_role_options(*add, *arguments);
  add->add_option("--source", arguments->sources,
                  "A source that only this slot may back up, from now on; may be repeated")
      ->type_name("NAME")
      ->take_all()
      ->allow_extra_args(false);
  add->footer(
      "Without --source a source belongs to the slot that uses it first, so another writer could "
      "take\nthe name of a machine to come.\n\nExample:\n"
      "  kist key add --role writer --name laptop --source laptop --new-key-file laptop.key");
  add->callback([&session, arguments] {
    session.action = [&session, arguments] { return run_key_add(session, *arguments); };
  });
  auto epoch = std::make_shared<EpochArguments>();
  CLI::App* revoke = command->add_subcommand(
      "revoke", "Revoke slots: what is stored from now on does not open with them");
  revoke->add_option("slot", epoch->slots, "The name of a slot, or the first digits of its id")
      ->required();
  CLI::App* rotate =
      command->add_subcommand("rotate", "Begin a new epoch: new secrets for every slot");
  for (CLI::App* ending : {revoke, rotate}) {
    ending->add_flag("--drop-unreadable", epoch->options.drops_unreadable,
                     "Give up damaged key segments and the content that only they open");
    ending->add_flag("--forget", epoch->options.forgets,
                     "Every machine forgets what it keeps of before: block index and file caches");
    ending->add_flag("-n,--dry-run", epoch->is_dry_run,
                     "Say what would be done and removed, and write nothing");
  }
  revoke->callback([&session, epoch] {
    session.action = [&session, epoch] { return run_key_revoke(session, *epoch); };
  });
  rotate->callback([&session, epoch] {
    session.action = [&session, epoch] { return run_key_rotate(session, *epoch); };
  });
  CLI::App* passwd =
      command->add_subcommand("passwd", "Change the password or key file of this slot");
  add_new_secret_options(*passwd, *arguments);
  passwd->callback([&session, arguments] {
    session.action = [&session, arguments] { return run_key_passwd(session, *arguments); };
  });
}

}  // namespace kist::cli
