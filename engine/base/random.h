// Random bytes, injected so that a test's run is a function of its seed. Every draw that ends up in
// the store is made by one thread in a fixed order (see blocks/pack_builder.h).
#pragma once

#include <cstdint>

#include "engine/base/bytes.h"
#include "engine/base/pinned.h"

namespace kist {

class Random : private Pinned {
 public:
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

}  // namespace kist
