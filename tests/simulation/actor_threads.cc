#include "tests/simulation/actor_threads.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/error.h"

namespace kist::test {

namespace {

constexpr int is_free = 0;
constexpr int is_announced = 1;
constexpr int is_alive = 2;

thread_local ActorThreads* current_actor = nullptr;
thread_local ActorThreads::Thread* current_thread = nullptr;

int open_task_file(pid_t id, const char* name) {
  const std::string path = concat("/proc/self/task/", id, "/", name);
  return ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
}

}  // namespace

ActorThreads::~ActorThreads() {
  if (first_.joinable()) first_.join();
  for (Thread& thread : threads_) {
    reap(thread);
  }
}

ActorThreads* ActorThreads::current() {
  return current_actor;
}

bool ActorThreads::is_in_actor() {
  return current_thread != nullptr;
}

void ActorThreads::start(std::function<void()> work) {
  ActorThreads* const before = current_actor;
  current_actor = this;
  first_ = std::thread(std::move(work));
  current_actor = before;
}

ActorThreads::Thread* ActorThreads::announce() {
  for (Thread& thread : threads_) {
    int expected = is_free;
    if (!thread.state.compare_exchange_strong(expected, is_announced)) continue;
    thread.is_parked = false;
    thread.id = 0;
    thread.number = made_++;
    return &thread;
  }
  return nullptr;
}

void ActorThreads::begin(Thread& thread) {
  current_actor = this;
  current_thread = &thread;
  thread.id = static_cast<pid_t>(::syscall(SYS_gettid));
  thread.state = is_alive;
}

void ActorThreads::park(const Operation& wanted) {
  Thread& thread = *current_thread;
  thread.wanted = &wanted;
  thread.is_parked = true;
  ActorThreads* const actor = std::exchange(current_actor, nullptr);
  actor->on_park_();
  current_actor = actor;
  thread.go.acquire();
}

void ActorThreads::go_on(Thread& thread) {
  thread.is_parked = false;
  thread.go.release();
}

void ActorThreads::reap(Thread& thread) {
  for (int* const file : {&thread.status_file, &thread.times_file, &thread.call_file}) {
    if (*file >= 0) ::close(*file);
    *file = -1;
  }
  thread.state = is_free;
}

// What the kernel tells of a thread in a file; empty where it has ended. Draws no memory: a lock of
// the allocator's would make the threads that are looked at sleep.
std::string_view ActorThreads::read(Thread& thread, int& file, const char* name, Room& room) {
  if (file < 0) file = open_task_file(thread.id, name);
  const ssize_t size = file < 0 ? -1 : ::pread(file, room.data(), room.size(), 0);
  if (size > 0) return {room.data(), static_cast<std::size_t>(size)};
  reap(thread);
  return {};
}

// Whether the thread waits for another one, and has left its processor: its state alone says that a
// moment before, when it may still be kept from it; and a thread also sleeps for the kernel's own
// reasons. "running", or the system call that it sleeps in, which is also told of a thread that is
// being woken.
bool ActorThreads::waits(Thread& thread) {
  Room room{};
  const std::string_view text = read(thread, thread.call_file, "syscall", room);
  return !text.empty() && std::strtol(text.data(), nullptr, 10) == SYS_futex;
}

// The same by its state: "<id> (<name>) S …", where the name may hold anything.
bool ActorThreads::is_asleep(Thread& thread) {
  Room room{};
  const std::string_view text = read(thread, thread.status_file, "stat", room);
  const std::size_t end = text.rfind(')');
  return end != std::string_view::npos && end + 2 < text.size() && text[end + 2] == 'S';
}

// How often the thread was given a processor.
long ActorThreads::switches_of(Thread& thread) {
  Room room{};
  const std::string_view text = read(thread, thread.times_file, "schedstat", room);
  return text.empty() ? -1 : std::strtol(text.data() + text.rfind(' '), nullptr, 10);
}

// A thread that is awake may wake another and then sleep itself, between the looks at the two. So
// each is looked at twice, and none of them may have been given a processor meanwhile: who was
// woken between the two looks either is awake at the second, or was given one.
bool ActorThreads::is_quiet() {
  const std::uint32_t made = made_;
  std::array<Thread*, thread_max> others{};
  std::size_t count = 0;
  for (Thread& thread : threads_) {
    const int state = thread.state;
    if (state == is_announced) return false;
    if (state == is_alive && !thread.is_parked) others[count++] = &thread;
  }
  const std::span<Thread*> all = std::span(others).first(count);
  const auto is_parked = [](const Thread* thread) { return thread->is_parked.load(); };
  for (Thread* const thread : all) {
    thread->switches = switches_of(*thread);
  }
  return std::ranges::all_of(all, [&](Thread* thread) { return waits(*thread); }) &&
         std::ranges::all_of(all, [&](Thread* thread) { return is_asleep(*thread); }) &&
         std::ranges::none_of(all, is_parked) &&
         std::ranges::all_of(
             all, [&](Thread* thread) { return switches_of(*thread) == thread->switches; }) &&
         made == made_;  // or one that was made meanwhile is awake
}

std::vector<ActorThreads::Thread*> ActorThreads::parked() {
  std::vector<Thread*> out;
  for (Thread& thread : threads_) {
    if (thread.state == is_alive && thread.is_parked) out.push_back(&thread);
  }
  std::ranges::sort(out, {}, &Thread::number);
  return out;
}

bool ActorThreads::has_ended() {
  return std::ranges::all_of(threads_,
                             [](const Thread& thread) { return thread.state == is_free; });
}

namespace {

struct ThreadStart {
  void* (*start)(void*);
  void* argument;
  ActorThreads* actor;
  ActorThreads::Thread* thread;
};

void* begin_thread(void* given) {
  const std::unique_ptr<ThreadStart> started(static_cast<ThreadStart*>(given));
  started->actor->begin(*started->thread);
  void* const out = started->start(started->argument);
  started->actor->end();
  return out;
}

}  // namespace

}  // namespace kist::test

// In the place of the C library's, for this program.
// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name)
extern "C" int pthread_create(pthread_t* thread,
                              const pthread_attr_t* attributes,
                              void* (*start)(void*),
                              void* argument) {
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto create = reinterpret_cast<Create>(::dlsym(RTLD_NEXT, "pthread_create"));
  using namespace kist::test;
  ActorThreads* const actor = ActorThreads::current();
  if (actor == nullptr) return create(thread, attributes, start, argument);
  ActorThreads::Thread* const place = actor->announce();
  if (place == nullptr) return EAGAIN;
  auto started = std::make_unique<ThreadStart>(ThreadStart{start, argument, actor, place});
  const int failed = create(thread, attributes, &begin_thread, started.get());
  if (failed != 0) {
    place->state = 0;
    return failed;
  }
  static_cast<void>(started.release());
  return 0;
}
