// What describes the commands: help, the man page, completion for shells. All of it is read off the
// command definitions, so it cannot say what they do not.
#include "cli/command.h"

namespace kist::cli {

namespace {

struct Options {
  std::vector<std::string> words;
  bool is_man = false;
  std::string shell;
};

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

// Every name that an option goes by, dashes included.
std::vector<std::string> names_of(const CLI::Option& option) {
  std::vector<std::string> out;
  for (const std::string& name : option.get_snames()) {
    out.push_back("-" + name);
  }
  for (const std::string& name : option.get_lnames()) {
    out.push_back("--" + name);
  }
  return out;
}

bool takes_value(const CLI::Option& option) {
  return option.get_items_expected_max() > 0;
}

bool takes_file(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  return type == "FILE" || type == "DIR" || type == "PATH";
}

std::vector<const CLI::Option*> options_of(const CLI::App& app) {
  return app.get_options([](const CLI::Option* option) { return !option->get_positional(); });
}

// Text for troff: no line begins with a control character, no backslash means anything.
std::string troff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      if ((out.empty() || out.back() == '\n') && (c == '.' || c == '\'')) out += "\\&";
      out += c;
    }
  }
  return out;
}

void print_man_options(const CLI::App& app) {
  for (const CLI::Option* option : options_of(app)) {
    std::string names;
    for (const std::string& name : names_of(*option)) {
      names += (names.empty() ? "" : ", ") + name;
    }
    if (takes_value(*option)) names += " " + option->get_type_name();
    print_line(concat(".TP\n\\fB", troff(names), "\\fR\n", troff(option->get_description())));
  }
}

void print_man_command(const CLI::App& command, const std::string& above) {
  const std::string name = above.empty() ? command.get_name() : above + " " + command.get_name();
  std::string usage = "kist " + name;
  for (const CLI::Option* option :
       command.get_options([](const CLI::Option* o) { return o->get_positional(); })) {
    const std::string shown = option->get_name();
    usage += option->get_required() ? " " + shown : " [" + shown + "]";
    if (option->get_expected_max() > 1) usage += "...";
  }
  print_line(concat(".SS ", troff(usage), "\n", troff(command.get_description()), "."));
  print_man_options(command);
  if (!command.get_footer().empty()) {
    print_line(concat(".PP\n.nf\n", troff(command.get_footer()), "\n.fi"));
  }
  for (const CLI::App* below : commands_of(command)) {
    print_man_command(*below, name);
  }
}

void print_man(const CLI::App& app) {
  print_line(
      concat(R"(.TH KIST 1 "" "kist )", std::string_view(kist::version), R"(" "User commands")"));
  print_line(concat(".SH NAME\nkist \\- ", troff("secure encrypted backup and archiving")));
  print_line(".SH SYNOPSIS\n.B kist\n.RI [ options ]\n.I command\n.RI [ arguments ]\n.SH COMMANDS");
  for (const CLI::App* command : commands_of(app)) {
    print_man_command(*command, "");
  }
  print_line(".SH OPTIONS OF EVERY COMMAND");
  print_man_options(app);
  print_line(
      ".SH ENVIRONMENT\n"
      "KIST_REPO, KIST_STATE_DIR, KIST_PASSWORD_FILE, KIST_PASSWORD_COMMAND, KIST_KEY_FILE,\n"
      "KIST_PASSWORD stand for the options of those names.\n"
      ".SH EXIT STATUS\n"
      "0 done; 1 failed; 2 wrong usage; 3 done in part; 4 damage or tampering found; 5 refused;\n"
      "10 no repository; 11 conflict; 12 wrong password or key; 130 interrupted.");
}

std::string words_of(const CLI::App& app) {
  std::string out;
  for (const CLI::App* command : commands_of(app)) {
    out += command->get_name() + " ";
  }
  for (const CLI::Option* option : options_of(app)) {
    for (const std::string& name : names_of(*option)) {
      out += name + " ";
    }
  }
  return out;
}

void print_bash(const CLI::App& app) {
  const std::string global = words_of(app);
  print_line(
      "_kist() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} word "
      "command=\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n    case $word in");
  std::string names;
  for (const CLI::App* command : commands_of(app)) {
    names += (names.empty() ? "" : "|") + command->get_name();
  }
  print_line(concat("      ", names, ") command=$word; break ;;\n    esac\n  done\n",
                    "  case $previous in"));
  std::string files;
  for (const CLI::App* from : commands_of(app)) {
    for (const CLI::Option* option : options_of(*from)) {
      for (const std::string& name : names_of(*option)) {
        if (takes_file(*option) && name.starts_with("--")) files += name + "|";
      }
    }
  }
  for (const CLI::Option* option : options_of(app)) {
    for (const std::string& name : names_of(*option)) {
      if (takes_file(*option)) files += name + "|";
    }
  }
  files.pop_back();
  print_line(concat("    ", files, ") COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n",
                    "  esac\n  local words=\n  case $command in"));
  for (const CLI::App* command : commands_of(app)) {
    print_line(concat("    ", command->get_name(), ") words='", words_of(*command), "' ;;"));
  }
  print_line(
      concat("    *) words='", global, "' ;;\n  esac\n",
             "  if [[ $current == -* || -z $command ]]; then\n",
             "    COMPREPLY=($(compgen -W \"$words ", "\" -- \"$current\"))\n",
             "  else\n    COMPREPLY=($(compgen -W \"${words//-[^ ]*/}\" -f -- \"$current\"))\n",
             "  fi\n}\ncomplete -o filenames -F _kist kist"));
}

// A word for zsh and fish between single quotes.
std::string single_quoted(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out;
}

// What zsh's _arguments takes for one option.
void print_zsh_options(const CLI::App& app, const std::string& indent) {
  for (const CLI::Option* option : options_of(app)) {
    for (const std::string& name : names_of(*option)) {
      std::string text;
      for (const char c : option->get_description()) {
        if (c == '[' || c == ']' || c == ':' || c == '\\') text += '\\';
        text += c;
      }
      std::string value;
      if (takes_value(*option)) value = takes_file(*option) ? ":file:_files" : ":value: ";
      print_line(concat(indent, "'*", name, "[", single_quoted(text), "]", value, "' \\"));
    }
  }
}

void print_zsh(const CLI::App& app) {
  print_line("#compdef kist\n_kist() {\n  local -a commands\n  commands=(");
  for (const CLI::App* command : commands_of(app)) {
    print_line(
        concat("    '", command->get_name(), ":", single_quoted(command->get_description()), "'"));
  }
  print_line("  )\n  local state\n  _arguments -C \\");
  print_zsh_options(app, "    ");
  print_line(
      "    '1:command:->command' '*::argument:->argument'\n  case $state in\n"
      "    command) _describe command commands ;;\n    argument)\n      case $words[1] in");
  for (const CLI::App* command : commands_of(app)) {
    print_line(concat("        ", command->get_name(), ") _arguments \\"));
    print_zsh_options(*command, "          ");
    print_line("          '*:file:_files' ;;");
  }
  print_line("      esac ;;\n  esac\n}\n_kist \"$@\"");
}

void print_fish(const CLI::App& app) {
  const auto print_options = [](const CLI::App& from, const std::string& condition) {
    for (const CLI::Option* option : options_of(from)) {
      std::string line = "complete -c kist" + condition;
      for (const std::string& name : option->get_snames()) {
        line += " -s " + name;
      }
      for (const std::string& name : option->get_lnames()) {
        line += " -l " + name;
      }
      if (takes_value(*option)) line += takes_file(*option) ? " -r -F" : " -x";
      print_line(concat(line, " -d '", single_quoted(option->get_description()), "'"));
    }
  };
  print_options(app, "");
  for (const CLI::App* command : commands_of(app)) {
    print_line(concat("complete -c kist -n __fish_use_subcommand -a ", command->get_name(), " -d '",
                      single_quoted(command->get_description()), "'"));
    print_options(*command, " -n '__fish_seen_subcommand_from " + command->get_name() + "'");
    for (const CLI::App* below : commands_of(*command)) {
      print_line(concat("complete -c kist -n '__fish_seen_subcommand_from ", command->get_name(),
                        "' -a ", below->get_name(), " -d '",
                        single_quoted(below->get_description()), "'"));
    }
  }
}

Exit run(const CLI::App& app, const Options& options) {
  if (options.is_man) {
    print_man(app);
  } else if (options.shell == "bash") {
    print_bash(app);
  } else if (options.shell == "zsh") {
    print_zsh(app);
  } else if (options.shell == "fish") {
    print_fish(app);
  } else {
    const CLI::App* of = &app;
    std::string above;
    for (const std::string& word : options.words) {
      const std::vector<const CLI::App*> commands = commands_of(*of);
      const auto found = std::ranges::find_if(
          commands, [&](const CLI::App* command) { return command->get_name() == word; });
      if (found == commands.end()) {
        throw Error(Code::invalid, concat("there is no command ", above, printable(word),
                                          "; kist help lists them"));
      }
      of = *found;
      above += word + " ";
    }
    const std::string name = above.empty() ? "kist" : "kist " + above.substr(0, above.size() - 1);
    // Not of->help(): of the program that would be help on "help", which was parsed.
    print_bytes(as_view(of->get_formatter()->make_help(of, name, CLI::AppFormatMode::Normal)));
  }
  return Exit::done;
}

}  // namespace

void add_help(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("help", "Show what a command does, with examples");
  auto options = std::make_shared<Options>();
  command->add_option("command", options->words, "The command")->type_name("COMMAND");
  command->add_flag("--man", options->is_man, "Print the man page");
  command->add_option("--completion", options->shell, "Print completion for bash, zsh or fish")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->footer(
      "Examples:\n  kist help restore\n  kist help --man | man -l -\n"
      "  kist help --completion bash > /etc/bash_completion.d/kist");
  command->callback([&app, &session, options] {
    session.action = [&app, options] { return run(app, *options); };
  });
}

}  // namespace kist::cli
