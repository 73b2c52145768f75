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

}  // namespace kist
