#include "cli/command.h"
#include "cli/help/help.h"

namespace kist::cli {

namespace {

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

}  // namespace

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

}  // namespace kist::cli
