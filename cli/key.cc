#include "cli/command.h"

namespace kist::cli {

namespace {

struct Options {
  SecretOptions secret;
  std::string name;
  std::string role = "owner";
  std::uint32_t passes = argon2_floor.passes;
  std::uint32_t memory_mib = argon2_floor.memory_kib >> 10U;

  [[nodiscard]] Capabilities capabilities() const { return *capabilities_of_role(role); }

  [[nodiscard]] Argon2Cost cost() const {
    const Argon2Cost out{passes, memory_mib << 10U};
    if (!is_allowed(out)) {
      throw Error(Code::invalid, "Argon2id takes 3 to 16 passes and 64 to 4096 MiB of memory");
    }
    return out;
  }
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
      return "recipient";
  }
  return "";
}

Exit run_list(Session& session) {
  Repository repository = session.open();
  repository.require_view();
  Json list = Json::array();
  Table table({"SLOT", "NAME", "ROLE", "KIND", "ADDED", "BY", "LAST SEEN"});
  for (const auto& [id, slot] : repository.state().slots) {
    const SlotIntroduction& introduction = slot.introduction;
    const bool is_own = id == repository.keyring.slot();
    list.push_back({{"slot", hex(id)},
                    {"name", json_text(introduction.name)},
                    {"kind", kind_name(introduction.kind)},
                    {"role", role_name(introduction.capabilities)},
                    {"capabilities", capability_names(introduction.capabilities)},
                    {"added", utc_time(slot.added_ms)},
                    {"added_by", hex(slot.added_by)},
                    {"last_seen", utc_time(slot.last_seen_ms)},
                    {"revoked", slot.is_revoked},
                    {"current", is_own}});
    table.add({hex(id).substr(0, 8) + (is_own ? "*" : ""), printable(introduction.name),
               concat(role_name(introduction.capabilities), slot.is_revoked ? ", revoked" : ""),
               kind_name(introduction.kind), local_time(slot.added_ms),
               hex(slot.added_by).substr(0, 8), local_time(slot.last_seen_ms)});
  }
  if (session.options.is_json) {
    print_json({{"key", list}});
  } else {
    table.print();
  }
  return Exit::done;
}

Exit run_add(Session& session, const Options& options) {
  const Argon2Cost cost = options.cost();
  Repository repository = session.open();
  repository.require(can_own);  // before a new secret is asked for, or a key file is made
  const Credential credential = get_new_credential(options.secret, session.random());
  const std::string& name = options.name.empty() ? options.role : options.name;
  const SlotId slot = add_slot(repository, credential, cost, name, options.capabilities());
  if (session.options.is_json) {
    print_json({{"slot", hex(slot)}, {"role", options.role}});
  } else {
    print_line(concat("added slot ", hex(slot), " (", name, ", ", options.role, ")"));
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
    if (id == repository.keyring.slot()) {
      throw Error(Code::invalid, "a slot cannot revoke itself; use another owner's");
    }
    if (std::ranges::count(revoked, id) > 0) continue;
    revoked.push_back(id);
    names += concat(names.empty() ? "" : ", ", repository.state().slots.at(id).introduction.name,
                    " (", hex(id).substr(0, 8), ")");
  }
  confirm(session, concat("Revoke ", names,
                          "? Nothing that is stored from now on opens with it, "
                          "and it cannot be taken back."));
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
    print_json({{"slot", hex(repository.keyring.slot())}});
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

}  // namespace

void add_key(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("key", "Slots: the ways into the repository");
  command->require_subcommand(1);
  command->add_subcommand("list", "All slots")->callback([&session] {
    session.action = [&session] { return run_list(session); };
  });
  auto options = std::make_shared<Options>();
  CLI::App* add = command->add_subcommand("add", "Make a further slot");
  add_new_secret_options(*add, *options);
  add->add_option("--name", options->name, "Whose it is (default: the role)");
  add->add_option(
         "--role", options->role,
         "What it may do: writer (back up, and nothing else), reader (restore), auditor (see "
         "and verify, without names and content), operator (all that daily work asks "
         "for), owner (all; the default)")
      ->check(
          CLI::IsMember(std::vector<std::string>(std::begin(role_names), std::end(role_names))));
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
