#include "cli/command_input.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/report.h"

namespace kist::cli {

namespace {

// Waits for bytes without waiting past a wish to stop.
void await_input(int fd, const Observer& observer) {
  pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
  constexpr int wait_ms = 200;
  do {
    check_cancelled(observer);
  } while (::poll(&waiting, 1, wait_ms) == 0);
}

std::size_t read_fully(int fd, MutableView out, const std::string& what, const Observer& observer) {
  std::size_t done = 0;
  while (done < out.size()) {
    await_input(fd, observer);
    const ssize_t got = ::read(fd, out.data() + done, out.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error(Code::failed, concat("cannot read ", what));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

}  // namespace

CommandInput::CommandInput(const std::vector<std::string>& words)
    : name_(words.empty() ? std::string() : words.front()) {
  if (words.empty()) throw Error(Code::invalid, "which command? write it after --");
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw Error(Code::failed, "cannot make a pipe");
  pipe_ = File(Descriptor(ends[0]), name_);
  const Descriptor output(ends[1]);
  // The command gets the environment without the variables that hold or name a password.
  std::vector<char*> environment;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!std::string_view(*variable).starts_with("KIST_PASSWORD")) environment.push_back(*variable);
  }
  environment.push_back(nullptr);
  std::vector<char*> arguments;
  for (const std::string& word : words) {
    arguments.push_back(const_cast<char*>(word.c_str()));  // NOLINT: posix_spawn's signature
  }
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions{};
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, output.fd(), STDOUT_FILENO);
  // This program ignores SIGPIPE. The command must not: it has to end when nobody reads its output.
  posix_spawnattr_t attributes{};
  ::posix_spawnattr_init(&attributes);
  sigset_t broken_pipe{};
  ::sigemptyset(&broken_pipe);
  ::sigaddset(&broken_pipe, SIGPIPE);
  ::posix_spawnattr_setsigdefault(&attributes, &broken_pipe);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  const int error = ::posix_spawnp(&process_, name_.c_str(), &actions, &attributes,
                                   arguments.data(), environment.data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    process_ = -1;
    throw Error(Code::invalid, concat("cannot run ", printable(name_), ": it is not a program"));
  }
}

CommandInput::~CommandInput() {
  pipe_.close();
  if (process_ <= 0) return;
  ::kill(process_, SIGTERM);
  ::waitpid(process_, nullptr, 0);
}

std::size_t CommandInput::read(MutableView out, const Observer& observer) const {
  return read_fully(pipe_.fd(), out, name_, observer);
}

void CommandInput::finish() {
  int status = 0;
  pid_t ended = -1;
  do {
    ended = ::waitpid(process_, &status, 0);
  } while (ended < 0 && errno == EINTR);
  process_ = -1;
  if (ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  throw Error(Code::failed, concat(printable(name_), " failed: what it printed is not kept"));
}

std::size_t read_standard_input(MutableView out, const Observer& observer) {
  return read_fully(STDIN_FILENO, out, "standard input", observer);
}

}  // namespace kist::cli
