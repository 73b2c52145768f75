// The threads of one actor: its own, and those that the engine starts in it. Each store operation
// parks the thread that wants it, until the scheduler lets it go on. An actor is quiet when each of
// its threads is parked or sleeps: nothing happens in it then before the scheduler lets one of them
// go on, so what is parked, and with it the whole run, is a function of the seed.
//
// Whether a thread sleeps, the kernel says (/proc/self/task). Which threads are an actor's, is
// known because pthread_create() is replaced in this program: a thread belongs to whom its maker
// does.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <semaphore>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "engine/base/pinned.h"

namespace kist::test {

struct Operation;

// Wakes the scheduler: a thread has parked, or has ended.
using Alarm = std::counting_semaphore<>;

class ActorThreads : private Pinned {
 public:
  // `on_park` is called by each thread that parks, before it waits.
  explicit ActorThreads(Alarm& alarm, std::function<void()> on_park = {})
      : alarm_(alarm), on_park_(std::move(on_park)) {}

  ~ActorThreads();

  struct Thread {
    std::atomic<int> state{0};  // free, announced, alive
    std::atomic<bool> is_parked{false};
    std::atomic<pid_t> id{0};
    std::uint32_t number = 0;  // in the order of their making
    const Operation* wanted = nullptr;
    std::binary_semaphore go{0};
    int status_file = -1;  // of the scheduler, as what follows
    int times_file = -1;
    int call_file = -1;
    long switches = 0;
  };

  // Runs `work` in a thread of the actor.
  void start(std::function<void()> work);

  // By a thread of the actor: stays until the scheduler calls go_on().
  static void park(const Operation& wanted);
  // Whether the calling thread is of an actor.
  static bool is_in_actor();

  // By the scheduler.
  bool is_quiet();
  // Those that are parked, in the order of their making; the actor is quiet.
  std::vector<Thread*> parked();
  static void go_on(Thread& thread);

  // All threads have ended.
  [[nodiscard]] bool has_ended();

  // Whether its threads see a status of files that is the same in each run: see plain_status.cc.
  std::atomic<bool> sees_plain_status{false};

  static ActorThreads* current();
  // By the replaced pthread_create(): the place of a thread that is about to begin, and its start.
  Thread* announce();
  void begin(Thread& thread);

  void end() { alarm_.release(); }

 private:
  using Room = std::array<char, 160>;
  std::string_view read(Thread& thread, int& file, const char* name, Room& room);
  bool waits(Thread& thread);
  bool is_asleep(Thread& thread);
  long switches_of(Thread& thread);
  void reap(Thread& thread);

  static constexpr std::size_t thread_max = 24;

  Alarm& alarm_;
  std::function<void()> on_park_;
  std::array<Thread, thread_max> threads_;
  std::atomic<std::uint32_t> made_{0};
  std::thread first_;
};

}  // namespace kist::test
