// The blocks that a run has stored itself: id → kind and ordinal. Open addressing over the first 16
// bytes of the id (a keyed hash, hence uniform); 24 bytes a slot, at most three quarters full.
#pragma once

#include <cstdint>
#include <cstring>
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

  [[nodiscard]] std::optional<Value> find(const BlockId& id) const {
    if (slots_.empty()) return std::nullopt;
    const Slot& slot = slots_[locate(key_of(id))];
    if (slot.value == 0) return std::nullopt;
    return Value{(slot.value & 1U) != 0, (slot.value >> 1U) - 1};
  }

  // The id is not in the table yet.
  void insert(const BlockId& id, const Value& value) {
    if ((count_ + 1) * 4 > slots_.size() * 3) grow();
    Slot& slot = slots_[locate(key_of(id))];
    slot.key = key_of(id);
    slot.value = ((value.ordinal + 1) << 1U) | (value.is_meta ? 1U : 0U);
    ++count_;
  }

 private:
  using Prefix = std::array<std::uint64_t, 2>;

  struct Slot {
    Prefix key{};
    std::uint64_t value = 0;  // 0: empty; else (ordinal + 1) * 2 + is_meta
  };

  static Prefix key_of(const BlockId& id) {
    Prefix key{};
    std::memcpy(key.data(), id.bytes.data(), sizeof key);
    return key;
  }

  // The slot that holds the key, or the empty one where it belongs.
  [[nodiscard]] std::size_t locate(const Prefix& key) const {
    std::size_t at = key[0] & (slots_.size() - 1);
    while (slots_[at].value != 0 && slots_[at].key != key) {
      at = (at + 1) & (slots_.size() - 1);
    }
    return at;
  }

  void grow() {
    std::vector<Slot> old(slots_.empty() ? 1024 : slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.value != 0) slots_[locate(slot.key)] = slot;
    }
  }

  std::vector<Slot> slots_;
  std::size_t count_ = 0;
};

}  // namespace kist
