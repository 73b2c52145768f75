#include "engine/crypto/secret.h"

#include <sodium.h>

namespace kist {

void init_crypto() {
  KIST_ENSURE(sodium_init() >= 0);
}

void wipe(MutableView bytes) noexcept {
  sodium_memzero(bytes.data(), bytes.size());
}

bool Key::is_zero() const {
  return sodium_is_zero(bytes_.data(), bytes_.size()) == 1;
}

bool can_lock_memory() noexcept {
  std::array<std::uint8_t, 64> probe{};
  if (sodium_mlock(probe.data(), probe.size()) != 0) return false;
  return sodium_munlock(probe.data(), probe.size()) == 0;
}

namespace detail {

void* guarded_allocate(std::size_t size) {
  // sodium_malloc puts the block at the end of a page: round up so that it is aligned.
  init_crypto();
  void* memory = sodium_malloc((size + 15) / 16 * 16);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void guarded_free(void* memory) noexcept {
  sodium_free(memory);
}

}  // namespace detail

}  // namespace kist
