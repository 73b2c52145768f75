// A store that carries no more than so many bytes a second, of objects read and put together: for
// lines that others use too. What a listing or a question costs does not count.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "engine/store/store.h"

namespace kist {

// Paces bytes. Any thread; the threads that share one wait for one another's bytes.
class RateLimit : private Pinned {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // Waits until that time; throws Interrupted where a person asks to stop.
  using WaitUntil = std::function<void(Time)>;
  using Now = std::function<Time()>;

  // More than 0 bytes a second.
  RateLimit(std::uint64_t bytes_per_second, Now now, WaitUntil wait_until);
  // The same by the machine's clock. `is_cancelled` is asked ten times a second.
  RateLimit(std::uint64_t bytes_per_second, std::function<bool()> is_cancelled);
  ~RateLimit() = default;

  // Waits until so many bytes may go. What was not used before does not add up.
  void spend(std::uint64_t bytes);

 private:
  const std::uint64_t bytes_per_second_;
  const Now now_;
  const WaitUntil wait_until_;
  std::mutex mutex_;
  Time free_from_{};  // all that was spent before is carried by then
};

// The limit outlives what is made.
std::unique_ptr<Store> limit_store(std::shared_ptr<Store> store, std::shared_ptr<RateLimit> limit);

}  // namespace kist
