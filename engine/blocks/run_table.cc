#include "engine/blocks/run_table.h"

#include <cstring>

namespace kist {

RunTable::Prefix RunTable::prefix_of(const BlockId& id) {
  Prefix prefix{};
  std::memcpy(prefix.data(), id.bytes.data(), sizeof prefix);
  return prefix;
}

std::optional<RunTable::Value> RunTable::find(const BlockId& id) const {
  if (slots_.empty()) return std::nullopt;
  const Slot& slot = slots_[locate(prefix_of(id))];
  if (slot.value == 0) return std::nullopt;
  return Value{(slot.value & 1U) != 0, (slot.value >> 1U) - 1};
}

void RunTable::insert(const BlockId& id, const Value& value) {
  if ((count_ + 1) * 4 > slots_.size() * 3) grow();
  const Prefix prefix = prefix_of(id);
  slots_[locate(prefix)] = {prefix, ((value.ordinal + 1) << 1U) | (value.is_meta ? 1U : 0U)};
  ++count_;
}

// The slot that holds the prefix, or the empty one where it belongs.
std::size_t RunTable::locate(const Prefix& prefix) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = prefix[0] & mask;
  while (slots_[at].value != 0 && slots_[at].prefix != prefix) {
    at = (at + 1) & mask;
  }
  return at;
}

void RunTable::grow() {
  std::vector<Slot> old(slots_.empty() ? 1024 : slots_.size() * 2);
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.value != 0) slots_[locate(slot.prefix)] = slot;
  }
}

}  // namespace kist
