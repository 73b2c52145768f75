// Where secrets come from: files, a command, the environment, systemd, the terminal. Never from an
// argument, which everybody on the machine can see.
#pragma once

#include <string>

#include "engine/engine.h"

namespace kist::cli {

struct SecretOptions {
  std::string password_file;
  std::string password_command;
  std::string key_file;

  [[nodiscard]] bool empty() const {
    return password_file.empty() && password_command.empty() && key_file.empty();
  }
};

// The credential to open a repository with.
Credential get_credential(const SecretOptions& options);
// What somebody at a terminal answers; empty where there is none, or no answer.
std::string ask_line(const std::string& question);
// That of a key file; Error{invalid} where there is none.
Credential get_key_file(const std::string& path);
// The options for a new repository's first secret: those given, else those of the environment.
SecretOptions or_environment(const SecretOptions& options);
// The credential that a new slot gets; a passphrase from the terminal is asked for twice, a key
// file that does not exist is made.
Credential get_new_credential(const SecretOptions& options, Random& random);
// The same for init, which also takes KIST_PASSWORD and systemd's credential.
Credential get_new_first_credential(const SecretOptions& options, Random& random);

}  // namespace kist::cli
