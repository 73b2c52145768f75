#include "engine/format/number_set.h"

#include <bit>

#include <roaring/roaring64map.hh>

namespace kist {

struct NumberSet::Bitmap {
  Roaring64Map map;
};

NumberSet::NumberSet() : bitmap_(std::make_unique<Bitmap>()) {}

NumberSet::NumberSet(const NumberSet& other) : bitmap_(std::make_unique<Bitmap>(*other.bitmap_)) {}

NumberSet& NumberSet::operator=(const NumberSet& other) {
  if (this != &other) *bitmap_ = *other.bitmap_;
  return *this;
}

NumberSet::NumberSet(NumberSet&& other) noexcept : bitmap_(std::move(other.bitmap_)) {}

NumberSet& NumberSet::operator=(NumberSet&& other) noexcept {
  std::swap(bitmap_, other.bitmap_);
  return *this;
}

NumberSet::~NumberSet() = default;

void NumberSet::add(std::uint64_t number) {
  bitmap_->map.add(number);
}

void NumberSet::add_range(std::uint64_t first, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    bitmap_->map.add(first + i);
  }
}

bool NumberSet::contains(std::uint64_t number) const {
  return bitmap_->map.contains(number);
}

std::uint64_t NumberSet::count() const {
  return bitmap_->map.cardinality();
}

std::uint64_t NumberSet::count_within(std::uint64_t first, std::uint64_t count) const {
  if (count == 0) return 0;
  const std::uint64_t before = first == 0 ? 0 : bitmap_->map.rank(first - 1);
  return bitmap_->map.rank(first + count - 1) - before;
}

std::uint64_t NumberSet::greatest() const {
  return bitmap_->map.maximum();
}

void NumberSet::unite(const NumberSet& other) {
  bitmap_->map |= other.bitmap_->map;
}

void NumberSet::subtract(const NumberSet& other) {
  bitmap_->map -= other.bitmap_->map;
}

void NumberSet::intersect(const NumberSet& other) {
  bitmap_->map &= other.bitmap_->map;
}

void NumberSet::for_each(const std::function<void(std::uint64_t)>& each) const {
  for (const std::uint64_t number : bitmap_->map) {
    each(number);
  }
}

bool NumberSet::operator==(const NumberSet& other) const {
  return bitmap_->map == other.bitmap_->map;
}

namespace {

// The one encoding of a bitmap that holds no empty parts.
Bytes encode_canonical(Roaring64Map map) {
  map.runOptimize();
  Bytes out(map.getSizeInBytes(true));
  const std::size_t size = map.write(reinterpret_cast<char*>(out.data()), true);
  KIST_ENSURE(size == out.size());
  return out;
}

}  // namespace

Bytes NumberSet::encode() const {
  // The library keeps empty inner bitmaps after a subtraction: a set is rebuilt without them.
  Roaring64Map rebuilt;
  for (const std::uint64_t number : bitmap_->map) {
    rebuilt.add(number);
  }
  return encode_canonical(rebuilt);
}

namespace {

constexpr std::uint32_t cookie_without_runs = 12346;
constexpr std::uint32_t cookie_with_runs = 12347;
constexpr std::uint32_t no_offsets_below = 4;  // containers, when there are runs
constexpr std::uint32_t array_max = 4096;
constexpr std::size_t bitset_size = 8192;

std::uint32_t check_array(ByteReader& in, std::uint32_t cardinality) {
  std::uint32_t next = 0;
  for (std::uint32_t i = 0; i < cardinality; ++i) {
    const std::uint32_t value = in.u16();
    in.require(value >= next, "a container's values are out of order");
    next = value + 1;
  }
  return cardinality;
}

std::uint32_t check_runs(ByteReader& in) {
  const std::uint32_t count = in.u16();
  std::uint32_t next = 0;
  std::uint32_t total = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t start = in.u16();
    const std::uint32_t length = in.u16();  // minus one
    in.require(start >= next && start + length <= 0xffffU, "a container's runs overlap");
    next = start + length + 2;  // adjacent runs would be one
    total += length + 1;
  }
  return total;
}

std::uint32_t check_bitset(ByteReader& in) {
  std::uint32_t total = 0;
  for (std::size_t i = 0; i < bitset_size / 8; ++i) {
    total += static_cast<std::uint32_t>(std::popcount(in.u64()));
  }
  return total;
}

struct ContainerHeads {
  std::vector<std::uint32_t> cardinality;
  std::vector<bool> is_run;
};

ContainerHeads check_heads(ByteReader& in) {
  const std::uint32_t cookie = in.u32();
  const bool has_runs = (cookie & 0xffffU) == cookie_with_runs;
  in.require(has_runs || cookie == cookie_without_runs, "this is not a number set");
  const std::uint32_t count = has_runs ? (cookie >> 16U) + 1 : in.u32();
  in.require(count >= 1 && count <= 65536, "a bitmap has a wrong count of containers");
  ContainerHeads heads;
  heads.is_run.resize(count);
  if (has_runs) {
    const View flags = in.take((count + 7) / 8);
    for (std::uint32_t i = 0; i < count; ++i) {
      heads.is_run[i] = ((flags[i / 8] >> (i % 8)) & 1U) != 0;
    }
  }
  std::uint32_t next_key = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t key = in.u16();
    in.require(key >= next_key, "containers are out of order");
    next_key = key + 1;
    heads.cardinality.push_back(std::uint32_t{in.u16()} + 1);
  }
  if (!has_runs || count >= no_offsets_below) in.take(std::uint64_t{4} * count);
  return heads;
}

// One 32-bit bitmap. Its container offsets are checked with the canonical form, by comparison.
void check_bitmap(ByteReader& in) {
  const ContainerHeads heads = check_heads(in);
  for (std::size_t i = 0; i < heads.cardinality.size(); ++i) {
    const std::uint32_t stated = heads.cardinality[i];
    std::uint32_t found = 0;
    if (heads.is_run[i]) {
      found = check_runs(in);
    } else if (stated > array_max) {
      found = check_bitset(in);
    } else {
      found = check_array(in, stated);
    }
    in.require(found == stated, "a container does not hold what it states");
  }
}

}  // namespace

NumberSet NumberSet::decode(View bytes, std::string_view object) {
  ByteReader in(bytes, object);
  const std::uint64_t count = in.u64();
  std::uint64_t next_key = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint32_t key = in.u32();
    in.require(key >= next_key, "bitmaps are out of order");
    next_key = std::uint64_t{key} + 1;
    check_bitmap(in);
  }
  in.expect_end();
  NumberSet out;
  out.bitmap_->map =
      Roaring64Map::readSafe(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  // Not by listing the numbers: a few bytes can stand for billions.
  in.require(equal(encode_canonical(out.bitmap_->map), bytes),
             "the number set is not in its canonical form");
  return out;
}

}  // namespace kist
