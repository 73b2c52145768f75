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

namespace kist {

class Pool {
 public:
  explicit Pool(unsigned thread_count);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  Pool(Pool&&) = delete;
  Pool& operator=(Pool&&) = delete;
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

// Some tasks of a pool, so many at once at the most. Waits for all of them before it goes, so that
// what they use may go after it.
class TaskGroup {
 public:
  explicit TaskGroup(Pool& pool) : pool_(pool), in_flight_max_(pool.thread_count() + 2) {}

  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  TaskGroup(TaskGroup&&) = delete;
  TaskGroup& operator=(TaskGroup&&) = delete;

  ~TaskGroup() {
    for (std::future<void>& task : running_) {
      task.wait();
    }
  }

  // Waits until there is room. Rethrows what an earlier task failed with.
  template <typename Work>
  void submit(Work work) {
    settle(in_flight_max_ - 1);
    running_.push_back(pool_.submit(std::move(work)));
  }

  // Waits for all; rethrows what one failed with.
  void finish() { settle(0); }

 private:
  void settle(std::size_t left) {
    while (running_.size() > left) {
      std::future<void> first = std::move(running_.front());
      running_.pop_front();
      first.get();
    }
  }

  Pool& pool_;
  std::size_t in_flight_max_;
  std::deque<std::future<void>> running_;
};

}  // namespace kist
