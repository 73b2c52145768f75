#include "cli/command.h"
#include "cli/help/help.h"

namespace kist::cli {

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

}  // namespace kist::cli
