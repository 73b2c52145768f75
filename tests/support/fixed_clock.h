// A time of day that only the test moves, from whichever thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "engine/base/clock.h"

namespace kist::test {

class FixedClock final : public Clock {
 public:
  explicit FixedClock(std::int64_t now_ms) : now_ms_(now_ms) {}

  [[nodiscard]] std::int64_t now_ms() const override { return now_ms_; }

  void advance_ms(std::int64_t by) { now_ms_ += by; }

 private:
  std::atomic<std::int64_t> now_ms_;
};

}  // namespace kist::test
