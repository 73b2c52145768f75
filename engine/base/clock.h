// The time of day, injected so that tests own it. Milliseconds since 1970, UTC.
#pragma once

#include <chrono>
#include <cstdint>

#include "engine/base/pinned.h"

namespace kist {

class Clock : private Pinned {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual std::int64_t now_ms() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t now_ms() const override {
    const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count();
  }
};

}  // namespace kist
