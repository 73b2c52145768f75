#include "cli/command_input.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/report.h"

namespace kist::cli {

namespace {

std::size_t read_fully(int fd, MutableView out, const std::string& what) {
  std::size_t done = 0;
  while (done < out.size()) {
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
  std::vector<char*> arguments;
  for (const std::string& word : words) {
    arguments.push_back(const_cast<char*>(word.c_str()));  // NOLINT: posix_spawn's signature
  }
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions{};
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, output.fd(), STDOUT_FILENO);
  const int error =
      ::posix_spawnp(&process_, name_.c_str(), &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    process_ = -1;
    throw Error(Code::invalid, concat("cannot run ", printable(name_), ": it is not a program"));
  }
}

CommandInput::~CommandInput() {
  pipe_.close();  // who still writes is told so
  if (process_ > 0) ::waitpid(process_, nullptr, 0);
}

std::size_t CommandInput::read(MutableView out) const {
  return read_fully(pipe_.fd(), out, name_);
}

void CommandInput::finish() {
  int status = 0;
  pid_t ended = -1;
  do {
    ended = ::waitpid(process_, &status, 0);
  } while (ended < 0 && errno == EINTR);
  process_ = -1;
  if (ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  throw Error(Code::failed, concat(printable(name_), " failed, so no snapshot was made"));
}

std::size_t read_standard_input(MutableView out) {
  return read_fully(STDIN_FILENO, out, "standard input");
}

}  // namespace kist::cli
