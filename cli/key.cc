
#include "cli/command.h"
#include "cli/key_parts.h"
#include "cli/recovery_sheet.h"

namespace kist::cli {

namespace {

struct KeyArguments {
  SecretOptions secret;
  std::string name;
  std::string role = "owner";
  std::string recipient;
  std::vector<std::string> sources;
  std::string policy;
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

// The sources of the new slot have that policy from here on.
void assign_to_slot(Session& session,
                    Repository& repository,
                    const SlotId& slot,
                    const KeyArguments& arguments) {
  if (arguments.policy.empty()) return;
  const PolicyChange change =
      assign_policy(repository, {.subject = slot,
                                 .policy = arguments.policy,
                                 .reason = concat("slot ", arguments.name_or_role(), " is added")});
  if (change.is_proposed) {
    session.console.notice(concat("policy ", printable(arguments.policy),
                                  " begins compliance: it is proposed with journal entry ",
                                  change.sequence, ", and in force after ",
                                  span_text(change.wait_seconds), " (kist policy list)"));
  }
}

Exit run_key_add(Session& session, const KeyArguments& arguments) {
  const Argon2Cost cost = arguments.cost();
  Repository repository = session.open();
  // Before a new secret is asked for, or a key file is made.
  require_capability(repository, can_own);
  require_bindable(repository, arguments.sources, arguments.capabilities());
  if (!arguments.policy.empty()) static_cast<void>(find_policy(repository, arguments.policy));
  if (!arguments.recipient.empty()) {
    const SlotId slot =
        add_recipient(repository, parse_recipient(arguments.recipient), arguments.name_or_role(),
                      arguments.capabilities(), arguments.sources);
    assign_to_slot(session, repository, slot, arguments);
    return report_recipient(session, repository, slot);
  }
  const Credential credential = get_new_credential(arguments.secret, session.random());
  const std::string& name = arguments.name_or_role();
  const SlotId slot =
      add_slot(repository, credential, cost, {name, arguments.capabilities(), arguments.sources});
  assign_to_slot(session, repository, slot, arguments);
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
  add->add_option("--policy", arguments->policy,
                  "The policy that its sources have, unless they have one of their own");
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
  add_key_epochs(*command, session);
  CLI::App* passwd =
      command->add_subcommand("passwd", "Change the password or key file of this slot");
  add_new_secret_options(*passwd, *arguments);
  passwd->callback([&session, arguments] {
    session.action = [&session, arguments] { return run_key_passwd(session, *arguments); };
  });
}

}  // namespace kist::cli
