#include "cli/help/help.h"

#include "cli/command.h"

namespace kist::cli {

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

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

namespace {

struct HelpArguments {
  std::vector<std::string> words;
  bool is_man = false;
  std::string shell;
};

Exit run_help(const CLI::App& app, const HelpArguments& arguments) {
  if (arguments.is_man) {
    print_man(app);
  } else if (arguments.shell == "bash") {
    print_bash(app);
  } else if (arguments.shell == "zsh") {
    print_zsh(app);
  } else if (arguments.shell == "fish") {
    print_fish(app);
  } else {
    const CLI::App* of = &app;
    std::string above;
    for (const std::string& word : arguments.words) {
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
  auto arguments = std::make_shared<HelpArguments>();
  command->add_option("command", arguments->words, "The command")->type_name("COMMAND");
  command->add_flag("--man", arguments->is_man, "Print the man page");
  command->add_option("--completion", arguments->shell, "Print completion for bash, zsh or fish")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->footer(
      "Examples:\n  kist help restore\n  kist help --man | man -l -\n"
      "  kist help --completion bash > /etc/bash_completion.d/kist");
  command->callback([&app, &session, arguments] {
    session.action = [&app, arguments] { return run_help(app, *arguments); };
  });
}

}  // namespace kist::cli
