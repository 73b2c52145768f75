// Secrets. They cannot be copied, printed or compared by accident, and are wiped when they go.
// Key: 32 bytes wherever it stands, for keys that live briefly. Guarded<T>: one object in locked,
// guarded memory (sodium_malloc), for what lives as long as the process does.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "engine/base/bytes.h"

namespace kist {

// Must be called before anything else of this folder; any number of times, from any thread.
void init_crypto();

void wipe(MutableView bytes) noexcept;

class Key {
 public:
  static constexpr std::size_t size = 32;

  Key() = default;
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;

  Key(Key&& other) noexcept : bytes_(other.bytes_) { wipe(other.bytes_); }

  Key& operator=(Key&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      wipe(other.bytes_);
    }
    return *this;
  }

  ~Key() { wipe(bytes_); }

  static Key from(View bytes) {
    KIST_ENSURE(bytes.size() == size);
    Key key;
    std::ranges::copy(bytes, key.bytes_.begin());
    return key;
  }

  [[nodiscard]] Key clone() const { return from(bytes_); }

  [[nodiscard]] View view() const { return bytes_; }

  [[nodiscard]] MutableView mutable_view() { return bytes_; }

  [[nodiscard]] const std::uint8_t* data() const { return bytes_.data(); }

  [[nodiscard]] bool is_zero() const;

 private:
  std::array<std::uint8_t, size> bytes_{};
};

// Bytes that hold secrets (decrypted key tables, passphrases): wiped when they go.
class SecretBytes {
 public:
  SecretBytes() = default;

  explicit SecretBytes(Bytes bytes) : bytes_(std::move(bytes)) {}

  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;

  SecretBytes(SecretBytes&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

  SecretBytes& operator=(SecretBytes&& other) noexcept {
    if (this != &other) {
      wipe(bytes_);
      bytes_ = std::exchange(other.bytes_, {});
    }
    return *this;
  }

  ~SecretBytes() { wipe(bytes_); }

  [[nodiscard]] View view() const { return bytes_; }

  [[nodiscard]] bool empty() const { return bytes_.empty(); }

 private:
  Bytes bytes_;
};

namespace detail {
void* guarded_allocate(std::size_t size);
void guarded_free(void* memory) noexcept;
}  // namespace detail

template <typename T>
class Guarded {
 public:
  Guarded() : value_(new (detail::guarded_allocate(sizeof(T))) T()) {}

  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  Guarded(Guarded&& other) noexcept : value_(std::exchange(other.value_, nullptr)) {}

  Guarded& operator=(Guarded&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }

  ~Guarded() {
    if (value_ == nullptr) return;
    value_->~T();
    detail::guarded_free(value_);
  }

  T& operator*() const { return *value_; }

  T* operator->() const { return value_; }

 private:
  T* value_;
};

// Whether this process may lock memory; false means secrets could reach swap space.
bool can_lock_memory() noexcept;

}  // namespace kist
