// What every command shares: the options that all take, and how a command gets at its repository.
// One file per command registers its options and its work; main.cc runs the one that was chosen.
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

// Exit codes; docs/operations.md has the table.
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

  // The open repository that --repo names.
  Repository open();
  // The same for a key that an owner has let in and that opens from then on.
  Repository accept(const ObjectHash& fingerprint);
  std::shared_ptr<Store> store() const;
  [[nodiscard]] std::string state_parent() const;

 private:
  [[nodiscard]] OpenOptions open_options() const;
  [[nodiscard]] std::shared_ptr<Store> existing_store() const;

  SystemClock clock_;
  SystemRandom random_;
};

// "3", "64KiB": sizes as options take them.
std::uint64_t parse_size(const std::string& text);
// "90s", "36h", "1d", "2w", "1y": seconds.
std::uint64_t parse_duration(const std::string& text);

// Which paths are meant, as `backup`, `restore` and `find` take it.
struct FilterOptions {
  std::vector<std::string> exclude_files;
  std::vector<std::string> excludes;
  std::vector<std::string> includes;
};

void add_filter_options(CLI::App& command, FilterOptions& options);
// Patterns of files come first, then those of the command line: the last that matches counts.
PathFilter make_filter(const FilterOptions& options);

// Asks on the terminal, unless --yes was given; Error{refused} when the answer is not yes, or
// nobody can be asked.
void confirm(const Session& session, const std::string& question);

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
void add_find(CLI::App& app, Session& session);
void add_diff(CLI::App& app, Session& session);
// Last, for it describes all the others.
void add_help(CLI::App& app, Session& session);

}  // namespace kist::cli
