// A process that is stopped before each of its system calls, for what another does in between.
#pragma once

#include <cstddef>
#include <functional>

namespace kist::test {

// Runs `work` in a child process of this one, as a copy of it. Between the two calls of the
// function that `work` is given, it is stopped before each system call of any of its threads, and
// `at_stop` is called here with the number of the stop, from 0 on. Fails the test unless `work`
// returns. The number of stops. This process must have no other child and no other thread.
std::size_t run_with_stops(const std::function<void(const std::function<void()>& mark)>& work,
                           const std::function<void(std::size_t)>& at_stop);

}  // namespace kist::test
