// What describes the commands: help, the man page, completion for three shells. All of it is read
// off the definitions of the commands, so it cannot say what they do not. One file prints one of
// them.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace kist::cli {

// Each prints to standard output; `app` is the whole program.
void print_man(const CLI::App& app);
void print_bash(const CLI::App& app);
void print_zsh(const CLI::App& app);
void print_fish(const CLI::App& app);

// The commands right below `app`, in the order in which they were added.
std::vector<const CLI::App*> commands_of(const CLI::App& app);
// Its options without the positional ones.
std::vector<const CLI::Option*> options_of(const CLI::App& app);
// Every name that an option goes by, dashes included: "-e", "--exclude".
std::vector<std::string> names_of(const CLI::Option& option);
// False for a flag.
bool takes_value(const CLI::Option& option);
// Whether the value is a path of this machine, which a shell can complete.
bool takes_file(const CLI::Option& option);
// The text for a place between the single quotes of a shell: "it's" becomes "it'\''s".
std::string single_quoted(const std::string& text);

}  // namespace kist::cli
