// Random bytes, injected so that a test's run is a function of its seed. Every draw that ends up in
// the store is made by one thread in a fixed order (see blocks/pack_builder.h).
#pragma once

#include <cstdint>

#include "engine/base/bytes.h"

namespace kist {

class Random {
 public:
  Random() = default;
  Random(const Random&) = delete;
  Random& operator=(const Random&) = delete;
  Random(Random&&) = delete;
  Random& operator=(Random&&) = delete;
  virtual ~Random() = default;
  virtual void fill(MutableView out) = 0;

  template <typename AnyId>
  AnyId draw_id() {
    AnyId out;
    fill(out.bytes);
    return out;
  }
};

// getrandom(2). The only generator that the shipped program can reach.
class SystemRandom final : public Random {
 public:
  void fill(MutableView out) override;
};

// SplitMix64: predictable, for tests only.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}

  void fill(MutableView out) override;
  std::uint64_t next();

 private:
  std::uint64_t state_;
};

}  // namespace kist
