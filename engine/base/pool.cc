#include "engine/base/pool.h"

#include <algorithm>

namespace kist {

Pool::Pool(unsigned thread_count) {
  threads_.reserve(std::max(thread_count, 1U));
  for (unsigned i = 0; i < std::max(thread_count, 1U); ++i) {
    threads_.emplace_back([this] { run(); });
  }
}

Pool::~Pool() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  ready_.notify_all();
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

void Pool::push(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  ready_.notify_one();
}

void Pool::run() {
  for (;;) {
    std::function<void()> task;
    {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [&] { return closed_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

TaskGroup::~TaskGroup() {
  for (std::future<void>& task : running_) {
    task.wait();
  }
}

void TaskGroup::wait_down_to(std::size_t count) {
  while (running_.size() > count) {
    std::future<void> first = std::move(running_.front());
    running_.pop_front();
    first.get();
  }
}

}  // namespace kist
