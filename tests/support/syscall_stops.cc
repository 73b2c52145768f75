#include "tests/support/syscall_stops.h"

#include <csignal>
#include <cstdio>
#include <iostream>
#include <map>

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/test.h"

namespace kist::test {

namespace {

constexpr int syscall_stop = SIGTRAP | 0x80;  // with PTRACE_O_TRACESYSGOOD

void go_on(__ptrace_request how, pid_t thread, int signal) {
  ::ptrace(how, thread, nullptr, static_cast<long>(signal));
}

}  // namespace

std::size_t run_with_stops(const std::function<void(const std::function<void()>& mark)>& work,
                           const std::function<void(std::size_t)>& at_stop) {
  std::cout.flush();  // or the child would write it again
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    try {
      work([] { static_cast<void>(::raise(SIGSTOP)); });
    } catch (const std::exception& error) {
      static_cast<void>(std::fprintf(stderr, "%s\n", error.what()));
      ::_exit(1);
    }
    ::_exit(0);
  }
  std::size_t stops = 0;
  std::map<pid_t, bool> is_inside;  // thread → between the two stops of a system call
  auto how = PTRACE_CONT;
  for (;;) {
    int status = 0;
    const pid_t thread = ::waitpid(-1, &status, __WALL);
    REQUIRE(thread > 0);
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      if (thread != child) continue;
      REQUIRE(WIFEXITED(status));
      REQUIRE(WEXITSTATUS(status) == 0);
      return stops;
    }
    const int signal = WSTOPSIG(status);
    const bool is_event = (status >> 16) != 0;
    if (signal == syscall_stop) {
      bool& inside = is_inside[thread];
      inside = !inside;
      if (inside && how == PTRACE_SYSCALL) at_stop(stops++);
      go_on(how, thread, 0);
    } else if (signal == SIGSTOP && thread == child && !is_event) {
      if (how == PTRACE_CONT) {
        ::ptrace(PTRACE_SETOPTIONS, child, nullptr,
                 PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL);
        how = PTRACE_SYSCALL;
      } else {
        how = PTRACE_CONT;
      }
      go_on(how, thread, 0);
    } else {
      go_on(how, thread, is_event || signal == SIGSTOP ? 0 : signal);
    }
  }
}

}  // namespace kist::test
