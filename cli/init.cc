#include <map>

#include "cli/command.h"

namespace kist::cli {

namespace {

struct Options {
  std::string chunk_size;
  int compression = -1;
  std::string minimum = "1d";
  std::uint32_t passes = argon2_floor.passes;
  std::uint32_t memory_mib = argon2_floor.memory_kib >> 10U;
  std::string name = "owner";
  std::string offline_key;
  std::string dedup = "proved";
};

Argon2Cost argon2_cost(const Options& options) {
  const Argon2Cost cost{options.passes, options.memory_mib << 10U};
  if (!is_allowed(cost)) {
    throw Error(Code::invalid, "Argon2id takes 3 to 16 passes and 64 to 4096 MiB of memory");
  }
  return cost;
}

// Where the second owner's key goes: as the option says, else as somebody at a terminal does; empty
// for none.
std::string offline_key_path(const Session& session, const Options& options) {
  const GlobalOptions& global = session.options;
  if (!options.offline_key.empty()) return options.offline_key;
  if (global.is_json || global.is_quiet || global.is_confirmed) return {};
  return ask_line(
      "A second owner's key, kept offline, is the way in when the first one is lost.\n"
      "File to write it to, say on a stick (empty: none): ");
}

Exit run(Session& session, const Options& options) {
  InitOptions init;
  if (!options.chunk_size.empty()) {
    const std::uint64_t size = parse_size(options.chunk_size);
    init.block_target = static_cast<std::uint32_t>(std::min<std::uint64_t>(size, UINT32_MAX));
  }
  init.compression = options.compression;
  init.argon2 = argon2_cost(options);
  init.minimum_retention_seconds = parse_duration(options.minimum);
  init.owner_name = options.name;
  init.dedup = std::map<std::string, Trust>{
      {"own", Trust::own},
      {"proved", Trust::proved},
      {"all",
       Trust::all}}.at(options.dedup);
  std::shared_ptr<Store> store = session.store();
  const SecretOptions secret = or_environment(session.options.secret);
  const bool makes_key_file = !secret.key_file.empty() && !path_exists(secret.key_file);
  const Credential credential = get_new_first_credential(secret, session.random());
  if (!options.offline_key.empty() && path_exists(options.offline_key)) {
    throw Error(Code::refused, concat(options.offline_key, " exists already"));
  }
  Repository repository =
      init_repository(std::move(store), credential, init, session.state_parent(), session.around());
  const std::string offline_key = offline_key_path(session, options);
  if (!offline_key.empty()) {
    in_context("the repository is made, its second key is not", [&] {
      const Credential second = make_key_file(offline_key, session.random());
      static_cast<void>(add_slot(repository, second, init.argon2, "offline"));
    });
  }
  const std::string id = hex(repository.keyring.repository());
  const std::string fingerprint = hex(repository.keyring.fingerprint());
  if (session.options.is_json) {
    print_json({{"repository", id},
                {"fingerprint", fingerprint},
                {"slot", hex(repository.keyring.slot())},
                {"location", json_text(session.options.repository)}});
    return Exit::done;
  }
  print_line(concat("made repository ", id, " in ", session.options.repository));
  print_line(concat("fingerprint     ", fingerprint));
  if (makes_key_file) print_line(concat("made key file   ", secret.key_file));
  print_line("");
  print_line(credential.kind == SlotKind::passphrase
                 ? "Keep the password safe, and in a second place: without it nothing can be read."
                 : "Keep the key file safe, and a copy elsewhere: without it nothing can be read.");
  print_line(
      offline_key.empty()
          ? "It is the only way in: kist key add makes a second one, kist key export one on "
            "paper."
          : concat("The second owner's key is ", offline_key, ": take it off this machine."));
  return Exit::done;
}

}  // namespace

void add_init(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("init", "Make a new repository");
  auto options = std::make_shared<Options>();
  command->add_option("--chunk-size", options->chunk_size,
                      "Average block size, a power of two (default 64KiB)");
  command->add_option("--compression", options->compression, "zstd level, 0 to 19 (default 3)")
      ->check(CLI::Range(0, 19));
  command->add_option("--min-retention", options->minimum,
                      "How long every snapshot is kept at least (default 1d)");
  command->add_option("--name", options->name, "A name for the first owner slot");
  command
      ->add_option("--dedup", options->dedup,
                   "Whose blocks a client may rely on: its own, those that a reader has proved "
                   "(default), or all, where every client is trusted")
      ->check(CLI::IsMember({"own", "proved", "all"}));
  command
      ->add_option("--offline-key", options->offline_key,
                   "Make a second owner's key, to be kept offline, in this file")
      ->type_name("FILE");
  command->add_option("--argon2-passes", options->passes, "For the password (default 3)");
  command->add_option("--argon2-memory", options->memory_mib, "For the password, MiB (default 64)");
  command->footer(
      "Examples:\n  kist init --repo /mnt/backup --password-file /root/kist.password\n"
      "  kist init --repo /mnt/backup --key-file /root/kist.key   (makes the key file)");
  command->callback([&session, options] {
    session.action = [&session, options] { return run(session, *options); };
  });
}

}  // namespace kist::cli
