// A fixed set of worker threads. A task never waits for another task, so the pool cannot deadlock.
// What a task throws comes out of its future.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/base/pinned.h"

namespace kist {

class Pool : private Pinned {
 public:
  explicit Pool(unsigned thread_count);
  // Finishes what was submitted, then ends the threads.
  ~Pool();

  template <typename Work>
  std::future<std::invoke_result_t<Work>> submit(Work work) {
    using Result = std::invoke_result_t<Work>;
    auto task = std::make_shared<std::packaged_task<Result()>>(std::move(work));
    auto result = task->get_future();
    push([task] { (*task)(); });
    return result;
  }

  [[nodiscard]] unsigned thread_count() const { return static_cast<unsigned>(threads_.size()); }

 private:
  void push(std::function<void()> task);
  void run();

  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> tasks_;
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

// Tasks of a pool whose results are taken in the order in which they were submitted. The destructor
// waits for all of them.
template <typename Result>
class OrderedTasks : private Pinned {
 public:
  explicit OrderedTasks(Pool& pool) : pool_(pool) {}

  ~OrderedTasks() {
    for (std::future<Result>& each : running_) {
      if (each.valid()) each.wait();
    }
  }

  // Whether another one would not be more than keep the pool busy.
  [[nodiscard]] bool has_room() const { return running_.size() < pool_.thread_count() + 2; }

  template <typename Work>
  void submit(Work work) {
    running_.push_back(pool_.submit(std::move(work)));
  }

  // Waits for the first one; throws what it failed with.
  Result take() {
    std::future<Result> first = std::move(running_.front());
    running_.pop_front();
    return first.get();
  }

 private:
  Pool& pool_;
  std::deque<std::future<Result>> running_;
};

// Runs at most `thread_count + 2` tasks of a pool at a time. The destructor waits for all of them,
// so objects that they use may be destroyed right after the group.
class TaskGroup : private Pinned {
 public:
  explicit TaskGroup(Pool& pool) : pool_(pool), in_flight_max_(pool.thread_count() + 2) {}

  ~TaskGroup();

  // Waits until there is room. Rethrows what an earlier task failed with.
  template <typename Work>
  void submit(Work work) {
    wait_down_to(in_flight_max_ - 1);
    running_.push_back(pool_.submit(std::move(work)));
  }

  // Waits for all; rethrows what one failed with.
  void finish() { wait_down_to(0); }

 private:
  // Waits until `count` tasks are left.
  void wait_down_to(std::size_t count);

  Pool& pool_;
  std::size_t in_flight_max_;
  std::deque<std::future<void>> running_;
};

}  // namespace kist
