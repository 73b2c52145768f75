// The blocks that a run has stored itself: id → kind and ordinal. Open addressing with linear
// probing over the first 16 bytes of the id, which is a keyed hash and hence uniform: two ids of
// one run that share them do not occur.
//
// Invariant: the number of slots is a power of two, at most three quarters of them are full; 24
// bytes a slot. Nothing is ever removed. An id is inserted once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/base/id.h"

namespace kist {

class RunTable {
 public:
  struct Value {
    bool is_meta = false;
    std::uint64_t ordinal = 0;
  };

  [[nodiscard]] std::optional<Value> find(const BlockId& id) const;
  // The id must not be in the table yet.
  void insert(const BlockId& id, const Value& value);

 private:
  using Prefix = std::array<std::uint64_t, 2>;

  struct Slot {
    Prefix prefix{};
    std::uint64_t value = 0;  // 0: empty; else (ordinal + 1) * 2 + is_meta
  };

  static Prefix prefix_of(const BlockId& id);
  [[nodiscard]] std::size_t locate(const Prefix& prefix) const;
  void grow();

  std::vector<Slot> slots_;
  std::size_t count_ = 0;
};

}  // namespace kist
