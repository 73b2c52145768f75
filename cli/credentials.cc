#include "cli/credentials.h"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>

#include <termios.h>
#include <unistd.h>

namespace kist::cli {

namespace {

constexpr std::uint64_t passphrase_bytes_max = 64U << 10U;

// The passphrase without the line ends after it: editors add a newline that nobody has typed.
Credential passphrase(Bytes bytes) {
  while (!bytes.empty() && (bytes.back() == '\n' || bytes.back() == '\r')) {
    bytes.pop_back();
  }
  if (bytes.empty()) throw Error(Code::invalid, "the password is empty");
  return {SlotKind::passphrase, SecretBytes(std::move(bytes))};
}

// Reads a file that a person has named. If that fails, the option is wrong, not the repository: so
// every error becomes Error{invalid}, but for a file that others may read or write.
template <typename Read>
auto named_file(const Read& read) {
  try {
    return read();
  } catch (const Error& error) {
    if (error.code() == Code::refused) throw;
    throw Error(Code::invalid, error.text());
  }
}

Credential from_file(const std::string& path) {
  return passphrase(named_file([&] {
    return in_context("the password file",
                      [&] { return read_secret_file(path, passphrase_bytes_max); });
  }));
}

Credential from_command(const std::string& command) {
  FILE* pipe = ::popen(command.c_str(), "re");
  if (pipe == nullptr) throw Error(Code::failed, "cannot run the password command");
  Bytes bytes(passphrase_bytes_max);
  bytes.resize(std::fread(bytes.data(), 1, bytes.size(), pipe));
  const int status = ::pclose(pipe);
  if (status != 0) {
    throw Error(Code::invalid, "the password command failed; nothing was done");
  }
  return passphrase(std::move(bytes));
}

Bytes ask(const std::string& prompt) {
  const std::unique_ptr<FILE, int (*)(FILE*)> terminal(std::fopen("/dev/tty", "r+e"), &std::fclose);
  if (!terminal) {
    throw Error(Code::invalid,
                "no password: give --password-file, --password-command or --key-file, or run on a "
                "terminal");
  }
  const int fd = ::fileno(terminal.get());
  termios before{};
  const bool has_echo = ::tcgetattr(fd, &before) == 0;
  termios silent = before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  static_cast<void>(std::fputs(prompt.c_str(), terminal.get()));
  static_cast<void>(std::fflush(terminal.get()));
  if (has_echo) ::tcsetattr(fd, TCSAFLUSH, &silent);
  Bytes line;
  line.reserve(passphrase_bytes_max);  // growing it would leave copies of the secret in memory
  for (int c = std::fgetc(terminal.get()); c != EOF && c != '\n'; c = std::fgetc(terminal.get())) {
    if (line.size() < passphrase_bytes_max) line.push_back(static_cast<std::uint8_t>(c));
  }
  if (has_echo) ::tcsetattr(fd, TCSAFLUSH, &before);
  static_cast<void>(std::fputs("\n", terminal.get()));
  return line;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before any thread
  return value == nullptr ? std::string() : std::string(value);
}

std::string systemd_credential() {
  const std::string directory = environment("CREDENTIALS_DIRECTORY");
  if (directory.empty() || !path_exists(directory + "/kist")) return {};
  return directory + "/kist";
}

Credential ask_passphrase() {
  return passphrase(ask("password: "));
}

Credential ask_new_passphrase() {
  Credential out = passphrase(ask("new password: "));
  const Credential again = passphrase(ask("again: "));
  if (!equal(out.secret.view(), again.secret.view())) {
    throw Error(Code::invalid, "the two passwords differ; nothing was done");
  }
  return out;
}

void require_one_secret(const SecretOptions& options) {
  const int named = static_cast<int>(!options.key_file.empty()) +
                    static_cast<int>(!options.password_file.empty()) +
                    static_cast<int>(!options.password_command.empty());
  if (named > 1) {
    throw Error(Code::invalid,
                "give one of --key-file, --password-file and --password-command, not several");
  }
}

// The credential that the options name; nothing when they name none.
std::optional<Credential> find_credential(const SecretOptions& options) {
  require_one_secret(options);
  if (!options.key_file.empty()) return get_key_file(options.key_file);
  if (!options.password_file.empty()) return from_file(options.password_file);
  if (!options.password_command.empty()) return from_command(options.password_command);
  return std::nullopt;
}

// The secret that the environment names. KIST_KEY_FILE comes first, then KIST_PASSWORD_FILE, then
// KIST_PASSWORD_COMMAND; the others are ignored.
SecretOptions from_environment() {
  SecretOptions out;
  out.key_file = environment("KIST_KEY_FILE");
  if (out.key_file.empty()) out.password_file = environment("KIST_PASSWORD_FILE");
  if (out.empty()) out.password_command = environment("KIST_PASSWORD_COMMAND");
  return out;
}

std::optional<Credential> find_in_surroundings() {
  if (auto found = find_credential(from_environment())) return found;
  const std::string variable = environment("KIST_PASSWORD");
  if (!variable.empty()) {
    const View bytes = as_view(variable);
    return passphrase(Bytes(bytes.begin(), bytes.end()));
  }
  const std::string credential = systemd_credential();
  if (credential.empty()) return std::nullopt;
  return from_file(credential);
}

}  // namespace

std::string ask_line(const std::string& question) {
  if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0) return {};
  static_cast<void>(std::fputs(question.c_str(), stdout));
  static_cast<void>(std::fflush(stdout));
  std::string out;
  for (int c = std::fgetc(stdin); c != EOF && c != '\n'; c = std::fgetc(stdin)) {
    out.push_back(static_cast<char>(c));
  }
  return out;
}

Credential get_key_file(const std::string& path) {
  return named_file([&] { return read_key_file(path); });
}

SecretOptions or_environment(const SecretOptions& options) {
  return options.empty() ? from_environment() : options;
}

Credential get_credential(const SecretOptions& options) {
  if (auto found = find_credential(options)) return std::move(*found);
  if (auto found = find_in_surroundings()) return std::move(*found);
  return ask_passphrase();
}

Credential get_new_credential(const SecretOptions& options, Random& random) {
  require_one_secret(options);
  if (!options.key_file.empty() && !path_exists(options.key_file)) {
    return make_key_file(options.key_file, random);
  }
  if (auto found = find_credential(options)) return std::move(*found);
  return ask_new_passphrase();
}

Credential get_new_first_credential(const SecretOptions& options, Random& random) {
  if (options.empty()) {
    if (auto found = find_in_surroundings()) return std::move(*found);
  }
  return get_new_credential(options, random);
}

}  // namespace kist::cli
