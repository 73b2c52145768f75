#include "cli/command.h"
#include "cli/help/help.h"

namespace kist::cli {

namespace {

// Every word that may stand after the name of `app`.
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

}  // namespace

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

}  // namespace kist::cli
