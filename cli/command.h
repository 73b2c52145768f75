// What all commands share: the global options, and how a command opens its repository. Each command
// has a file that registers its options and its action; main.cc runs the action that was chosen.
// Commands call functions of engine/engine.h and never reach into what these hand out.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/console.h"
#include "cli/credentials.h"
#include "cli/report.h"
#include "engine/engine.h"

namespace kist::cli {

// Exit codes; docs/operations.md explains them.
enum class Exit : int {
  done = 0,
  failed = 1,
  usage = 2,
  partial = 3,
  integrity = 4,
  refused = 5,
  no_repository = 10,
  conflict = 11,
  wrong_secret = 12,
  interrupted = 130,
};

struct GlobalOptions {
  std::string repository;
  std::string state_directory;
  std::string slot;
  std::string head;  // --head: an entry that the journal must have
  SecretOptions secret;
  bool is_json = false;
  bool is_quiet = false;
  bool is_verbose = false;
  bool has_no_progress = false;
  bool is_confirmed = false;  // --yes
  std::string progress;
  std::string rate;  // --limit-rate
  std::string log_file;
  std::string log_format;
};

class Session {
 public:
  GlobalOptions options;
  Console console;
  std::function<Exit()> action;  // set by the command that was chosen

  [[nodiscard]] Services services() { return {clock_, random_, console}; }

  Random& random() { return random_; }

  // Opens the repository that --repo names, and says if incidents are open.
  Repository open();
  // Accepts the slot that an owner has made for this key file, and opens the repository with it.
  Repository accept(const ObjectHash& fingerprint);
  std::shared_ptr<Store> store() const;
  [[nodiscard]] std::string state_parent() const;

 private:
  [[nodiscard]] OpenOptions open_options() const;
  [[nodiscard]] std::shared_ptr<Store> existing_store() const;

  SystemClock clock_;
  SystemRandom random_;
};

// Parses a size as options take it, such as "3" or "64KiB", into bytes.
std::uint64_t parse_size(const std::string& text);
// Parses a time such as "90s", "36h", "1d", "2w" or "1y" into seconds.
std::uint64_t parse_seconds(const std::string& text);

// Parses a share such as "25%", up to 100%.
unsigned parse_percent(const std::string& text);

// What `collect` does and prints, with its defaults.
Exit collect_now(Session& session);

// Which paths `backup` and `restore` take.
struct FilterOptions {
  std::vector<std::string> exclude_files;
  std::vector<std::string> excludes;
  std::vector<std::string> includes;
};

void add_filter_options(CLI::App& command, FilterOptions& options);
// Patterns from files come before those of the command line, because the last that matches decides.
PathFilter make_filter(const FilterOptions& options);

// Asks the question on the terminal, unless --yes was given. Error{refused} when the answer is not
// yes, or there is no terminal.
void confirm(const Session& session, const std::string& question);

// The slot, not revoked, with that name, or with an id that begins with those four or more digits.
// Error{invalid} when none or several fit.
const SlotInfo& find_slot(const std::vector<SlotInfo>& slots, const std::string& wanted);

// Says so where nothing was backed up under a name yet: it may be a typing error.
void tell_unknown_sources(Session& session,
                          const Repository& repository,
                          const std::vector<std::string>& sources);

void add_init(CLI::App& app, Session& session);
void add_backup(CLI::App& app, Session& session);
void add_snapshots(CLI::App& app, Session& session);
void add_ls(CLI::App& app, Session& session);
void add_cat(CLI::App& app, Session& session);
void add_restore(CLI::App& app, Session& session);
void add_verify(CLI::App& app, Session& session);
void add_stats(CLI::App& app, Session& session);
void add_catalog(CLI::App& app, Session& session);
void add_journal(CLI::App& app, Session& session);
void add_incident(CLI::App& app, Session& session);
void add_key(CLI::App& app, Session& session);
void add_policy(CLI::App& app, Session& session);
void add_hold(CLI::App& app, Session& session);
// And `unretire`.
void add_forget(CLI::App& app, Session& session);
void add_expire(CLI::App& app, Session& session);
void add_collect(CLI::App& app, Session& session);
void add_source(CLI::App& app, Session& session);
void add_find(CLI::App& app, Session& session);
void add_diff(CLI::App& app, Session& session);
// To be added last, because it describes all the others.
void add_help(CLI::App& app, Session& session);

}  // namespace kist::cli
