// The real program run in a place of its own: a repository's path, a password file, a state
// directory and a small tree.
#pragma once

#include <cstdio>
#include <filesystem>
#include <string>

#include <sys/wait.h>

#include "tests/support/test.h"
#include "tests/support/tree_fixture.h"

namespace kist::test {

struct Result {
  int exit = -1;
  std::string out;  // stdout and stderr
};

// A place with a repository's path, a password file and a state directory of its own.
struct Place {
  Place() {
    write_secret("password", "correct horse\n");
    write_secret("wrong", "battery staple\n");
    std::filesystem::create_directories(directory / "tree/sub");
    write_file(directory / "tree/sub/letter", as_view("dear reader"));
    write_file(directory / "tree/large", Bytes(300'000, 7));
  }

  // A file that its owner alone may read, as the program asks for.
  void write_secret(const std::string& name, std::string_view text) const {
    write_file(directory / name, as_view(text));
    std::filesystem::permissions(
        directory / name, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }

  // `machine` is the name of its state directory.
  [[nodiscard]] Result run(const std::string& arguments,
                           const std::string& password = "password",
                           const std::string& machine = "state") const {
    const std::string command =
        concat(std::string_view(KIST_BINARY), std::string_view(" --repo '"), directory / "repo",
               std::string_view("' --state-dir '"), directory / machine,
               std::string_view("' --password-file '"), directory / password,
               std::string_view("' "), arguments, std::string_view(" 2>&1 </dev/null"));
    FILE* pipe = ::popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    Result result;
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) {
      result.out += static_cast<char>(c);
    }
    const int status = ::pclose(pipe);
    result.exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return result;
  }

  void require(const std::string& arguments, int exit) const {
    const Result result = run(arguments);
    INFO("kist " << arguments << "\n" << result.out);
    REQUIRE(result.exit == exit);
  }

  [[nodiscard]] std::string tree() const { return directory / "tree"; }

  TemporaryDirectory directory;
};

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace kist::test
