#include "cli/command.h"
#include "cli/help/help.h"

namespace kist::cli {

namespace {

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

}  // namespace

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

}  // namespace kist::cli
