// Bytes, and the two classes through which every binary layout is read and written. Integers are
// little-endian; `varint` is unsigned LEB128 in its shortest form and nothing else. ByteReader
// never reads past its view: every shortage, overlong number or count beyond its cap is an
// Error{corrupt} that names the object and the offset.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/id.h"

namespace kist {

using Bytes = std::vector<std::uint8_t>;
using View = std::span<const std::uint8_t>;
using MutableView = std::span<std::uint8_t>;

inline View as_view(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline std::string_view as_text(View bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline bool equal(View a, View b) {
  return std::ranges::equal(a, b);
}

// Narrows a size that the caller has already bounded; a value that does not fit is a bug.
template <std::unsigned_integral T>
T narrow(std::uint64_t value) {
  KIST_ENSURE(value <= static_cast<T>(-1));
  return static_cast<T>(value);
}

// An integer with its highest byte first: keys of a database, which then sort as their numbers do,
// and layouts of others. Kist's own layouts are little-endian.
template <std::unsigned_integral T>
std::array<std::uint8_t, sizeof(T)> to_big_endian(T value) {
  std::array<std::uint8_t, sizeof(T)> out{};
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    out[i] = static_cast<std::uint8_t>(value >> (8 * (sizeof(T) - 1 - i)));
  }
  return out;
}

// The inverse: the number in the first sizeof(T) bytes, or in all where there are fewer.
template <std::unsigned_integral T>
T from_big_endian(View bytes) {
  T value = 0;
  for (const std::uint8_t byte : bytes.first(std::min(bytes.size(), sizeof(T)))) {
    value = static_cast<T>(value << 8U | byte);
  }
  return value;
}

class ByteReader {
 public:
  // `object` names what is read in errors; it must outlive the reader, as must the bytes.
  ByteReader(View bytes, std::string_view object) : bytes_(bytes), object_(object) {}

  std::uint8_t u8() { return static_cast<std::uint8_t>(fixed(1)); }

  std::uint16_t u16() { return static_cast<std::uint16_t>(fixed(2)); }

  std::uint32_t u32() { return static_cast<std::uint32_t>(fixed(4)); }

  std::uint64_t u64() { return fixed(8); }

  std::int64_t i64() { return static_cast<std::int64_t>(fixed(8)); }

  std::uint64_t varint();
  // A varint that may not exceed `max`; `what` names it in the error.
  std::uint64_t varint_up_to(std::uint64_t max, std::string_view what);
  // The next `size` bytes, valid as long as the underlying bytes.
  View take(std::uint64_t size);

  // A varint length up to `max`, then that many bytes.
  View sized(std::uint64_t max, std::string_view what) { return take(varint_up_to(max, what)); }

  std::string text(std::uint64_t max, std::string_view what) {
    return std::string(as_text(sized(max, what)));
  }

  // A varint count up to `count_max`, then texts of up to `each_max` bytes.
  std::vector<std::string> texts(std::uint64_t count_max, std::uint64_t each_max);

  template <typename AnyId>
  AnyId id() {
    AnyId out;
    std::ranges::copy(take(AnyId::size), out.bytes.begin());
    return out;
  }

  // A u32 count, then so many ids.
  template <typename AnyId>
  std::vector<AnyId> ids(std::string_view what) {
    std::vector<AnyId> out(count(AnyId::size, what));
    for (AnyId& each : out) {
      each = id<AnyId>();
    }
    return out;
  }

  // A u32 count of things that take at least `each_size` bytes: more than can follow is refused
  // before anything is allocated.
  std::uint32_t count(std::uint64_t each_size, std::string_view what);

  [[nodiscard]] std::size_t offset() const { return offset_; }

  [[nodiscard]] std::size_t left() const { return bytes_.size() - offset_; }

  // Throws unless everything was read.
  void expect_end() const;
  // Throws Error{corrupt} "<object> at offset N: <what>".
  [[noreturn]] void fail(std::string_view what) const;

  void require(bool holds, std::string_view what) const {
    if (!holds) fail(what);
  }

 private:
  std::uint64_t fixed(std::size_t size);

  View bytes_;
  std::string_view object_;
  std::size_t offset_ = 0;
};

class ByteWriter {
 public:
  ByteWriter() = default;

  explicit ByteWriter(std::size_t capacity) { bytes_.reserve(capacity); }

  void u8(std::uint8_t value) { bytes_.push_back(value); }

  void u16(std::uint16_t value) { fixed(value, 2); }

  void u32(std::uint32_t value) { fixed(value, 4); }

  void u64(std::uint64_t value) { fixed(value, 8); }

  void i64(std::int64_t value) { fixed(static_cast<std::uint64_t>(value), 8); }

  void varint(std::uint64_t value);

  void raw(View bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }

  void sized(View bytes) {
    varint(bytes.size());
    raw(bytes);
  }

  void text(std::string_view value) { sized(as_view(value)); }

  void texts(const std::vector<std::string>& values);

  template <std::size_t N, typename Kind>
  void id(const Id<N, Kind>& value) {
    raw(value.bytes);
  }

  template <typename AnyId>
  void ids(const std::vector<AnyId>& values) {
    u32(narrow<std::uint32_t>(values.size()));
    for (const AnyId& value : values) {
      id(value);
    }
  }

  [[nodiscard]] std::size_t size() const { return bytes_.size(); }

  [[nodiscard]] View view() const { return bytes_; }

  Bytes take() { return std::move(bytes_); }

  void clear() { bytes_.clear(); }

 private:
  void fixed(std::uint64_t value, int size) {
    for (int i = 0; i < size; ++i) {
      bytes_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    }
  }

  Bytes bytes_;
};

}  // namespace kist
