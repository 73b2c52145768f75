#include <map>
#include <optional>

#include "cli/command.h"
#include "cli/policy_options.h"

namespace kist::cli {

namespace {

struct InitArguments {
  std::string chunk_size;
  int compression = -1;
  std::string minimum = "1d";
  std::uint32_t passes = argon2_floor.passes;
  std::uint32_t memory_mib = argon2_floor.memory_kib >> 10U;
  std::string name = "owner";
  std::string offline_key;
  std::string dedup = "proved";
};

const std::map<std::string, Trust> dedup_rules = {
    {"own", Trust::own}, {"proved", Trust::proved}, {"all", Trust::all}};

Argon2Cost argon2_cost(const InitArguments& arguments) {
  const Argon2Cost cost{arguments.passes, arguments.memory_mib << 10U};
  if (!is_allowed(cost)) {
    throw Error(Code::invalid, "Argon2id takes 3 to 16 passes and 64 to 4096 MiB of memory");
  }
  return cost;
}

InitOptions init_options(const InitArguments& arguments) {
  InitOptions out;
  if (!arguments.chunk_size.empty()) {
    const std::uint64_t size = parse_size(arguments.chunk_size);
    out.block_target = static_cast<std::uint32_t>(std::min<std::uint64_t>(size, UINT32_MAX));
  }
  out.compression = arguments.compression;
  out.argon2 = argon2_cost(arguments);
  out.minimum_retention_seconds = parse_retention(arguments.minimum);
  out.zone = machine_zone();
  out.owner_name = arguments.name;
  out.dedup = dedup_rules.at(arguments.dedup);
  return out;
}

// At a terminal, asks for a file and writes a second owner's key to it. Returns whether it was
// made.
bool offers_second_owner(Session& session, Repository& repository, const Argon2Cost& cost) {
  if (session.options.is_quiet || session.options.is_confirmed) return false;
  const std::string path = ask_line(
      "A second owner's key, kept offline, is the way in when the first one is lost.\n"
      "File to write it to, say on a stick (empty: none): ");
  if (path.empty()) return false;
  try {
    static_cast<void>(add_slot(repository, make_key_file(path, session.random()), cost, "offline"));
    return true;
  } catch (const Error& error) {
    session.console.notice(concat("no second key was made: ", error.text()));
    return false;
  }
}

void print_advice(const Credential& credential, bool has_second) {
  print_line(credential.kind == SlotKind::passphrase
                 ? "Keep the password safe, and in a second place: without it nothing can be read."
                 : "Keep the key file safe, and a copy elsewhere: without it nothing can be read.");
  print_line(has_second ? "Take the second owner's key off this machine."
                        : "It is the only way in: kist key add makes a second one, kist key "
                          "export one on paper.");
}

Exit run_init(Session& session, const InitArguments& arguments) {
  const InitOptions init = init_options(arguments);
  std::shared_ptr<Store> store = session.store();
  const SecretOptions secret = or_environment(session.options.secret);
  const bool makes_key_file = !secret.key_file.empty() && !path_exists(secret.key_file);
  std::optional<Credential> offline;  // made first: if that fails, there is no repository yet
  if (!arguments.offline_key.empty())
    offline = make_key_file(arguments.offline_key, session.random());
  const Credential credential = get_new_first_credential(secret, session.random());
  Repository repository = init_repository(std::move(store), credential, init,
                                          session.state_parent(), session.services());
  if (offline) static_cast<void>(add_slot(repository, *offline, init.argon2, "offline"));
  const Identity identity = who_am_i(repository);
  const std::string id = hex(identity.repository);
  const std::string fingerprint = hex(identity.fingerprint);
  if (session.options.is_json) {
    print_json({{"repository", id},
                {"fingerprint", fingerprint},
                {"slot", hex(identity.slot)},
                {"location", json_text(session.options.repository)}});
    return Exit::done;
  }
  print_line(concat("made repository ", id, " in ", session.options.repository));
  print_line(concat("fingerprint     ", fingerprint));
  print_line(concat("slot            ", hex(identity.slot)));
  if (makes_key_file) print_line(concat("made key file   ", secret.key_file));
  if (offline) print_line(concat("made key file   ", arguments.offline_key));
  print_line("");
  const Policy policy = find_policy(repository, "default").policy;
  print_line(concat("policy default: ", printable(policy_text(policy)), "."));
  print_line("Change it with kist policy set default, such as --daily 14 --weekly 8 --monthly 12.");
  print_line("");
  print_advice(credential, offline || offers_second_owner(session, repository, init.argon2));
  return Exit::done;
}

}  // namespace

void add_init(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("init", "Make a new repository");
  auto arguments = std::make_shared<InitArguments>();
  command->add_option("--chunk-size", arguments->chunk_size,
                      "Average size of blocks, a power of two (default 64KiB)");
  command->add_option("--compression", arguments->compression, "zstd level, 0 to 19 (default 3)")
      ->check(CLI::Range(0, 19));
  command->add_option("--min-retention", arguments->minimum,
                      "Keep every snapshot at least this long (default 1d)");
  command->add_option("--name", arguments->name, "A name for the first owner's slot");
  command
      ->add_option(
          "--dedup", arguments->dedup,
          "Which stored blocks a client may rely on instead of storing its own copy: those of its "
          "own, those that a reader has proved (default), or all, if every client is trusted")
      ->check(CLI::IsMember({"own", "proved", "all"}));
  command
      ->add_option("--offline-key", arguments->offline_key,
                   "Write a second owner's key, to be kept offline, to this file")
      ->type_name("FILE");
  command->add_option("--argon2-passes", arguments->passes,
                      "Passes of Argon2id over the password (default 3)");
  command->add_option("--argon2-memory", arguments->memory_mib,
                      "Memory for Argon2id, in MiB (default 64)");
  command->footer(
      "Examples:\n  kist init --repo /mnt/backup --password-file /root/kist.password\n"
      "  kist init --repo /mnt/backup --key-file /root/kist.key   (makes the key file)");
  command->callback([&session, arguments] {
    session.action = [&session, arguments] { return run_init(session, *arguments); };
  });
}

}  // namespace kist::cli
