#include <cstdio>

#include "cli/command.h"

namespace kist::cli {

namespace {

Exit exit_for(Code code) {
  switch (code) {
    case Code::failed:
      return Exit::failed;
    case Code::invalid:
      return Exit::usage;
    case Code::corrupt:
    case Code::missing:
      return Exit::integrity;
    case Code::refused:
      return Exit::refused;
    case Code::no_repository:
      return Exit::no_repository;
    case Code::conflict:
      return Exit::conflict;
    case Code::wrong_secret:
      return Exit::wrong_secret;
    case Code::unsupported:
      return Exit::failed;
  }
  return Exit::failed;
}

void add_global_options(CLI::App& app, GlobalOptions& options) {
  app.add_option("-r,--repo", options.repository, "The directory of the repository")
      ->envname("KIST_REPO")
      ->type_name("PATH");
  app.add_option("--password-file", options.secret.password_file,
                 "Read the password from this file")
      ->type_name("FILE");
  app.add_option("--password-command", options.secret.password_command,
                 "Read the password from the output of this command")
      ->type_name("COMMAND");
  app.add_option("--key-file", options.secret.key_file, "Open the repository with this key file")
      ->type_name("FILE");
  app.add_option("--slot", options.slot,
                 "Try the password or key on this slot alone, not on all that it may open: ID, or "
                 "ID-NUMBER for one of its objects in slots/")
      ->type_name("ID");
  app.add_option("--state-dir", options.state_directory, "The directory for catalogs and caches")
      ->envname("KIST_STATE_DIR")
      ->type_name("DIR");
  app.add_flag("--json", options.is_json, "Print JSON");
  app.add_flag("-q,--quiet", options.is_quiet, "Print only results and errors");
  app.add_flag("-v,--verbose", options.is_verbose, "Print and log more");
  app.add_flag("--no-progress", options.has_no_progress, "Show no progress");
  app.add_option("--progress", options.progress,
                 "How to show progress: auto, plain (lines, for logs) or none")
      ->check(CLI::IsMember({"auto", "plain", "none"}));
  app.add_option("--limit-rate", options.rate,
                 "Read and write no more than that a second, in the repository: 2MiB")
      ->type_name("SIZE");
  app.add_option("--head", options.head,
                 "Require that the journal has this entry: NUMBER or NUMBER:HASH")
      ->type_name("ENTRY");
  app.add_flag("--yes", options.is_confirmed, "Answer yes to every question");
  app.add_option("--log-file", options.log_file, "Write a log to this file")->type_name("FILE");
  app.add_option("--log-format", options.log_format, "The format of the log: text or json")
      ->check(CLI::IsMember({"text", "json"}));
}

ConsoleOptions console_options(const GlobalOptions& options) {
  ConsoleOptions out;
  out.is_quiet = options.is_quiet;
  out.is_verbose = options.is_verbose;
  out.log_file = options.log_file;
  out.log_as_json = options.log_format == "json";
  if (options.progress == "plain") out.progress = ProgressStyle::plain;
  if (options.has_no_progress || options.progress == "none") out.progress = ProgressStyle::none;
  return out;
}

void print_error(Session& session, const std::string& text) {
  session.console.clear_progress();
  static_cast<void>(std::fprintf(stderr, "kist: %s\n", printable(text).c_str()));
}

Exit run_chosen(Session& session) {
  try {
    session.console.configure(console_options(session.options));
    prepare_process(session.console);
    catch_signals();
    const Exit result = session.action();
    session.console.clear_progress();
    if (std::fflush(stdout) != 0) throw Error(Code::failed, "cannot write to standard output");
    return result;
  } catch (const Error& error) {
    print_error(session, error.text());
    return exit_for(error.code());
  } catch (const Interrupted& interrupted) {
    print_error(session, interrupted.text());
    return Exit::interrupted;
  } catch (const std::bad_alloc&) {
    print_error(session, "out of memory; free some and run again");
    return Exit::failed;
  } catch (const std::exception& error) {
    print_error(session, concat("failed: ", std::string_view(error.what())));
    return Exit::failed;
  }
}

int parse_and_run(int argc, char** argv) {
  CLI::App app("Kist: secure encrypted backup and archiving", "kist");
  Session session;
  add_global_options(app, session.options);
  app.set_version_flag("--version", std::string("kist ") + kist::version);
  app.require_subcommand(1);
  app.fallthrough();
  for (const auto add :
       {&add_init,     &add_backup, &add_snapshots, &add_ls,     &add_cat,     &add_restore,
        &add_verify,   &add_find,   &add_diff,      &add_stats,  &add_catalog, &add_journal,
        &add_policy,   &add_hold,   &add_forget,    &add_expire, &add_collect, &add_source,
        &add_incident, &add_key,    &add_help}) {
    add(app, session);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    const std::vector<std::string> words = app.remaining();
    const bool is_unknown =
        app.get_subcommands().empty() && !words.empty() && !words.front().starts_with('-');
    const std::string text =
        is_unknown
            ? concat("there is no command ", printable(words.front()), "; kist help lists them")
            : concat(std::string_view(error.what()), "; kist --help shows how");
    static_cast<void>(std::fprintf(stderr, "kist: %s\n", text.c_str()));
    return static_cast<int>(Exit::usage);
  }
  return static_cast<int>(run_chosen(session));
}

}  // namespace

}  // namespace kist::cli

int main(int argc, char** argv) {
  try {
    return kist::cli::parse_and_run(argc, argv);
  } catch (...) {
    static_cast<void>(std::fputs("kist: out of memory\n", stderr));
    return 1;
  }
}
