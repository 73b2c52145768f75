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

// The credential that opens the repository: from the options, else the environment, else the
// terminal.
Credential get_credential(const SecretOptions& options);
// The answer that a person types at the terminal; empty without a terminal, or without an answer.
std::string ask_line(const std::string& question);
// The credential of a key file; Error{invalid} where there is no such file.
Credential get_key_file(const std::string& path);
// The options that were given, or if none was, those that the environment names.
SecretOptions or_environment(const SecretOptions& options);
// The credential for a new slot. The terminal asks for a passphrase twice; a key file that does not
// exist is made.
Credential get_new_credential(const SecretOptions& options, Random& random);
// The same for init, which also reads KIST_PASSWORD and the credential of systemd.
Credential get_new_first_credential(const SecretOptions& options, Random& random);

}  // namespace kist::cli
