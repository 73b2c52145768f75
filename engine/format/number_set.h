// Sets of block numbers: 64-bit Roaring bitmaps in the portable form (RoaringFormatSpec), in the
// one encoding that run optimisation yields. The decoder validates every byte itself, because the
// library does not, and refuses any other encoding. docs/format.md, "Number sets".
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "engine/base/bytes.h"

namespace kist {

class NumberSet {
 public:
  NumberSet();
  NumberSet(const NumberSet& other);
  NumberSet& operator=(const NumberSet& other);
  NumberSet(NumberSet&& other) noexcept;
  NumberSet& operator=(NumberSet&& other) noexcept;
  ~NumberSet();

  void add(std::uint64_t number);
  // Adds first, first + 1, … (count numbers).
  void add_range(std::uint64_t first, std::uint64_t count);
  [[nodiscard]] bool contains(std::uint64_t number) const;
  [[nodiscard]] std::uint64_t count() const;
  // How many are less than that number.
  [[nodiscard]] std::uint64_t count_below(std::uint64_t number) const;

  [[nodiscard]] bool empty() const { return count() == 0; }

  // The greatest number; the set must not be empty.
  [[nodiscard]] std::uint64_t greatest() const;
  void unite(const NumberSet& other);
  void subtract(const NumberSet& other);
  void intersect(const NumberSet& other);
  // Calls `each` in ascending order.
  void for_each(const std::function<void(std::uint64_t)>& each) const;
  bool operator==(const NumberSet& other) const;

  [[nodiscard]] Bytes encode() const;
  static NumberSet decode(View bytes, std::string_view object);

 private:
  struct Bitmap;
  std::unique_ptr<Bitmap> bitmap_;
};

}  // namespace kist
