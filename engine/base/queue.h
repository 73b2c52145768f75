// A queue between two threads, bounded by the weight (bytes) of what waits in it, so that memory
// depends on the pipeline's depth and on nothing else. One element heavier than the bound still
// passes, alone.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <utility>

namespace kist {

template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::uint64_t weight_max) : weight_max_(weight_max) {}

  // Waits for room. False when the consumer has given up: the producer should stop.
  bool push(T value, std::uint64_t weight) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return abandoned_ || weight_ == 0 || weight_ + weight <= weight_max_; });
    if (abandoned_) return false;
    weight_ += weight;
    values_.emplace_back(std::move(value), weight);
    ready_.notify_one();
    return true;
  }

  // Waits for an element; empty when the producer has closed and all was taken. Rethrows what the
  // producer failed with, after everything pushed before it.
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [&] { return closed_ || !values_.empty(); });
    if (values_.empty()) {
      if (failure_) std::rethrow_exception(failure_);
      return std::nullopt;
    }
    auto [value, weight] = std::move(values_.front());
    values_.pop_front();
    weight_ -= weight;
    room_.notify_all();
    return std::move(value);
  }

  void close(std::exception_ptr failure = nullptr) {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    failure_ = std::move(failure);
    ready_.notify_all();
  }

  // The consumer will take nothing more.
  void abandon() {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    values_.clear();
    weight_ = 0;
    room_.notify_all();
  }

 private:
  const std::uint64_t weight_max_;
  std::mutex mutex_;
  std::condition_variable room_;
  std::condition_variable ready_;
  std::deque<std::pair<T, std::uint64_t>> values_;
  std::uint64_t weight_ = 0;
  bool closed_ = false;
  bool abandoned_ = false;
  std::exception_ptr failure_;
};

}  // namespace kist
