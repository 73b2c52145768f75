#include "cli/command.h"
#include "cli/recovery_sheet.h"

namespace kist::cli {

namespace {

struct Options {
  SecretOptions secret;
  std::string name;
  std::string role = "owner";
  std::string recipient;
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

struct KeyFileOptions {
  std::string file;
  std::string fingerprint;
};

struct EpochOptions {
  std::vector<std::string> slots;
  bool drops = false;
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

// The name of the one owner's slot that is left without those; empty where there are more.
std::string only_owner(const State& state, const std::vector<SlotId>& without) {
  std::vector<const SlotState*> owners = state.current_slots();
  std::erase_if(owners, [&](const SlotState* slot) {
    return (slot->introduction.capabilities & can_own) == 0 || slot->generation == 0 ||
           std::ranges::count(without, slot->introduction.slot) > 0;
  });
  if (owners.size() != 1) return {};
  return concat(owners.front()->introduction.name, " (",
                hex(owners.front()->introduction.slot).substr(0, 8), ")");
}

Exit run_list(Session& session) {
  Repository repository = session.open();
  repository.require_view();
  Json list = Json::array();
  Table table({"SLOT", "NAME", "ROLE", "KIND", "ADDED", "BY", "LAST SEEN"});
  for (const auto& [id, slot] : repository.state().slots) {
    const SlotIntroduction& introduction = slot.introduction;
    const bool is_own = id == repository.keyring().slot();
    list.push_back({{"slot", hex(id)},
                    {"name", json_text(introduction.name)},
                    {"kind", kind_name(slot.kind)},
                    {"role", role_name(introduction.capabilities)},
                    {"capabilities", capability_names(introduction.capabilities)},
                    {"added", utc_time(slot.added_ms)},
                    {"added_by", hex(slot.added_by)},
                    {"last_seen", utc_time(slot.last_seen_ms)},
                    {"revoked", slot.is_revoked},
                    {"current", is_own}});
    table.add({hex(id).substr(0, 8) + (is_own ? "*" : ""), printable(introduction.name),
               concat(role_name(introduction.capabilities), slot.is_revoked ? ", revoked" : ""),
               kind_name(slot.kind), local_time(slot.added_ms), hex(slot.added_by).substr(0, 8),
               local_time(slot.last_seen_ms)});
  }
  if (session.options.is_json) {
    print_json({{"key", list}});
  } else {
    table.print();
  }
  const std::string owner = only_owner(repository.state(), {});
  if (!owner.empty()) {
    session.console.notice(concat(owner,
                                  " is the only owner's slot: if it is lost, nobody can let "
                                  "others in, or shut them out; kist key add or kist key export "
                                  "makes another"));
  }
  return Exit::done;
}

Exit run_generate(Session& session, const KeyFileOptions& options) {
  const bool makes_it = !path_exists(options.file);
  const Credential credential =
      makes_it ? make_key_file(options.file, session.random()) : get_key_file(options.file);
  const std::string recipient = encode_recipient(recipient_of(credential));
  if (session.options.is_json) {
    print_json({{"recipient", recipient}, {"made", makes_it}});
    return Exit::done;
  }
  print_line(recipient);
  session.console.notice(concat(
      makes_it ? "made " : "the public half of ", options.file,
      "; give the line to an owner, for kist key add --recipient, and keep the file to yourself"));
  return Exit::done;
}

Exit run_accept(Session& session, const KeyFileOptions& options) {
  const auto fingerprint = parse_id<ObjectHash>(options.fingerprint);
  if (!fingerprint) {
    throw Error(Code::invalid, "--fingerprint takes the 64 digits that the owner was told");
  }
  const Repository repository = session.accept(*fingerprint);
  const SlotIntroduction& slot =
      repository.state().slots.at(repository.keyring().slot()).introduction;
  if (session.options.is_json) {
    print_json({{"slot", hex(slot.slot)}, {"role", role_name(slot.capabilities)}});
  } else {
    print_line(concat("accepted: the key opens slot ", hex(slot.slot), " (", printable(slot.name),
                      ", ", role_name(slot.capabilities), ")"));
  }
  return Exit::done;
}

Exit report_recipient(const Session& session, const Repository& repository, const SlotId& slot) {
  const std::string fingerprint = hex(repository.keyring().fingerprint());
  if (session.options.is_json) {
    print_json({{"slot", hex(slot)}, {"fingerprint", fingerprint}});
    return Exit::done;
  }
  print_line(concat("added slot ", hex(slot), "; its holder makes it open, once, with"));
  print_line(concat("kist key accept --fingerprint ", fingerprint, " --key-file FILE"));
  return Exit::done;
}

Exit run_add(Session& session, const Options& options) {
  const Argon2Cost cost = options.cost();
  Repository repository = session.open();
  repository.require(can_own);  // before a new secret is asked for, or a key file is made
  if (!options.recipient.empty()) {
    const SlotId slot = add_recipient(repository, parse_recipient(options.recipient),
                                      options.name_or_role(), options.capabilities());
    return report_recipient(session, repository, slot);
  }
  const Credential credential = get_new_credential(options.secret, session.random());
  const std::string& name = options.name_or_role();
  const SlotId slot = add_slot(repository, credential, cost, name, options.capabilities());
  if (session.options.is_json) {
    print_json({{"slot", hex(slot)}, {"role", options.role}});
  } else {
    print_line(concat("added slot ", hex(slot), " (", name, ", ", options.role, ")"));
  }
  return Exit::done;
}

// The file is made first, and filled once the journal says that there is such a sheet: no copy of a
// key that the journal does not know of.
Exit run_export(Session& session, const Options& options, const std::string& path) {
  Repository repository = session.open();
  repository.require(can_own);
  File file = path == "-" ? File() : File::create_new(path);
  Key key;
  session.random().fill(key.mutable_view());
  const SecretBytes text = encode_key_file(key);
  const std::string& name = options.name.empty() ? "recovery sheet" : options.name;
  SlotId slot;
  try {
    slot = add_recovery_sheet(repository, parse_key_file(text.view(), path), name,
                              options.capabilities());
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
            {.repository = hex(repository.keyring().repository()),
             .fingerprint = hex(repository.keyring().fingerprint()),
             .location = printable(absolute_path(session.options.repository)),
             .slot = concat(hex(slot), " (", printable(name), ", ", options.role, ")"),
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
    print_line(concat("added slot ", hex(slot), " (", printable(name), ", ", options.role,
                      "); print ", path, " and remove the file: it holds the key"));
  }
  return Exit::done;
}

// A slot by its id's first digits, or by its name where only one has it.
SlotId find_slot(const State& state, const std::string& wanted) {
  std::vector<SlotId> found;
  for (const SlotState* slot : state.current_slots()) {
    const SlotIntroduction& introduction = slot->introduction;
    const bool has_digits = wanted.size() >= 4 && hex(introduction.slot).starts_with(wanted);
    if (introduction.name == wanted || has_digits) found.push_back(introduction.slot);
  }
  if (found.size() == 1) return found.front();
  throw Error(Code::invalid,
              concat(found.empty() ? "no slot is called " : "more than one slot is called ", wanted,
                     "; kist key list shows them"));
}

Exit report_epoch(const Session& session, const EndEpochResult& result) {
  if (session.options.is_json) {
    print_json({{"entry", result.sequence},
                {"epoch", result.epoch_number},
                {"dropped", result.dropped},
                {"removed", result.removed}});
    return Exit::done;
  }
  for (const std::string& name : result.dropped) {
    print_line(concat("given up: ", name));
  }
  print_line(concat("epoch ", result.epoch_number, " has begun with journal entry ",
                    result.sequence, "; ", result.removed, " objects of former ones removed"));
  return Exit::done;
}

Exit run_revoke(Session& session, const EpochOptions& options) {
  Repository repository = session.open();
  repository.require(can_own);
  std::vector<SlotId> revoked;
  std::string names;
  for (const std::string& wanted : options.slots) {
    const SlotId id = find_slot(repository.state(), wanted);
    if (id == repository.keyring().slot()) {
      throw Error(Code::invalid, "a slot cannot revoke itself; use another owner's");
    }
    if (std::ranges::count(revoked, id) > 0) continue;
    revoked.push_back(id);
    names += concat(names.empty() ? "" : ", ", repository.state().slots.at(id).introduction.name,
                    " (", hex(id).substr(0, 8), ")");
  }
  const bool had_more = only_owner(repository.state(), {}).empty();
  const std::string owner = had_more ? only_owner(repository.state(), revoked) : "";
  confirm(session,
          concat("Revoke ", names,
                 "? Nothing that is stored from now on opens with it, and it cannot be taken back.",
                 owner.empty() ? ""
                               : concat(" Only one owner's slot is left then, ", owner,
                                        ": whoever loses it has lost the repository.")));
  return report_epoch(
      session, end_epoch(repository, {.revoked = revoked, .drops_unreadable = options.drops}));
}

Exit run_rotate(Session& session, const EpochOptions& options) {
  Repository repository = session.open();
  return report_epoch(session,
                      end_epoch(repository, {.revoked = {}, .drops_unreadable = options.drops}));
}

Exit run_passwd(Session& session, const Options& options) {
  const Argon2Cost cost = options.cost();
  Repository repository = session.open();
  const Credential credential = get_new_credential(options.secret, session.random());
  rewrap_slot(repository, credential, cost);
  if (session.options.is_json) {
    print_json({{"slot", hex(repository.keyring().slot())}});
  } else {
    print_line(
        "done: the new secret opens the slot, the old one does not. Whoever had copied the\n"
        "slot's object and knew the old secret keeps what it opened: after a leak, add a new\n"
        "slot.");
  }
  return Exit::done;
}

void add_new_secret_options(CLI::App& command, Options& options) {
  command.add_option("--new-password-file", options.secret.password_file,
                     "The new password (default: asked for)");
  command.add_option("--new-key-file", options.secret.key_file,
                     "A key file; made if it does not exist");
  command.add_option("--argon2-passes", options.passes, "For the password (default 3)");
  command.add_option("--argon2-memory", options.memory_mib, "For the password, MiB (default 64)");
}

void add_role_options(CLI::App& command, Options& options) {
  command.add_option("--name", options.name, "Whose it is");
  command
      .add_option(
          "--role", options.role,
          "What it may do: writer (back up, and nothing else), reader (restore), auditor (see "
          "and verify, without names and content), operator (all that daily work asks "
          "for), owner (all; the default)")
      ->check(
          CLI::IsMember(std::vector<std::string>(std::begin(role_names), std::end(role_names))));
}

// The commands that make key files, or take one in.
void add_key_files(CLI::App& command, Session& session) {
  auto options = std::make_shared<KeyFileOptions>();
  CLI::App* generate = command.add_subcommand(
      "generate", "Make a key file and print its public half, for another's key add --recipient");
  generate->add_option("file", options->file, "Where; one that exists stays as it is")->required();
  generate->callback([&session, options] {
    session.action = [&session, options] { return run_generate(session, *options); };
  });
  CLI::App* accept =
      command.add_subcommand("accept", "Make a key open that an owner has let in as a recipient");
  accept
      ->add_option("--fingerprint", options->fingerprint,
                   "Of the repository, as the owner says it, not the storage")
      ->type_name("DIGITS")
      ->required();
  accept->callback([&session, options] {
    session.action = [&session, options] { return run_accept(session, *options); };
  });
  auto sheet = std::make_shared<Options>();
  CLI::App* export_key = command.add_subcommand(
      "export", "Make a recovery sheet: a key of its own, to be printed, as text and QR code");
  add_role_options(*export_key, *sheet);
  export_key->add_option("file", options->file, "Where; - prints it")->required();
  export_key->callback([&session, sheet, options] {
    session.action = [&session, sheet, options] {
      return run_export(session, *sheet, options->file);
    };
  });
}

}  // namespace

void add_key(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("key", "Slots: the ways into the repository");
  command->require_subcommand(1);
  command->add_subcommand("list", "All slots")->callback([&session] {
    session.action = [&session] { return run_list(session); };
  });
  add_key_files(*command, session);
  auto options = std::make_shared<Options>();
  CLI::App* add = command->add_subcommand("add", "Make a further slot");
  add_new_secret_options(*add, *options);
  add->add_option("--recipient", options->recipient,
                  "Let in the key that kist key generate has made elsewhere")
      ->type_name("KEY")
      ->excludes("--new-password-file")
      ->excludes("--new-key-file");
  add_role_options(*add, *options);
  add->callback([&session, options] {
    session.action = [&session, options] { return run_add(session, *options); };
  });
  auto epoch = std::make_shared<EpochOptions>();
  CLI::App* revoke = command->add_subcommand(
      "revoke", "Shut a slot out: what is stored from now on does not open with it");
  revoke->add_option("slot", epoch->slots, "Its name, or the first digits of its id")->required();
  CLI::App* rotate =
      command->add_subcommand("rotate", "Begin a new epoch: fresh secrets for every slot");
  for (CLI::App* ending : {revoke, rotate}) {
    ending->add_flag("--drop-unreadable", epoch->drops,
                     "Give up what is damaged, with all that only it opens");
  }
  revoke->callback([&session, epoch] {
    session.action = [&session, epoch] { return run_revoke(session, *epoch); };
  });
  rotate->callback([&session, epoch] {
    session.action = [&session, epoch] { return run_rotate(session, *epoch); };
  });
  CLI::App* passwd =
      command->add_subcommand("passwd", "Give this slot another password or key file");
  add_new_secret_options(*passwd, *options);
  passwd->callback([&session, options] {
    session.action = [&session, options] { return run_passwd(session, *options); };
  });
}

}  // namespace kist::cli
