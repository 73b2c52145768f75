#include "engine/format/number_set.h"

#include <bit>
#include <map>

#include <roaring/roaring.hh>

namespace kist {

// Not the library's own 64-bit map: that one reads and writes its header at unaligned addresses,
// has no ranges and keeps empty parts.
struct NumberSet::Bitmap {
  std::map<std::uint32_t, Roaring> parts;  // by the numbers' high half; none is empty

  void drop_empty() {
    std::erase_if(parts, [](const auto& part) { return part.second.isEmpty(); });
  }
};

namespace {

std::uint32_t high_of(std::uint64_t number) {
  return static_cast<std::uint32_t>(number >> 32U);
}

std::uint32_t low_of(std::uint64_t number) {
  return static_cast<std::uint32_t>(number);
}

}  // namespace

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
  bitmap_->parts[high_of(number)].add(low_of(number));
}

std::uint64_t NumberSet::count_below(std::uint64_t number) const {
  std::uint64_t out = 0;
  for (const auto& [high, part] : bitmap_->parts) {
    if (high > high_of(number)) break;
    if (high < high_of(number)) {
      out += part.cardinality();
    } else if (low_of(number) > 0) {
      out += part.rank(low_of(number) - 1);
    }
  }
  return out;
}

void NumberSet::add_range(std::uint64_t first, std::uint64_t count) {
  while (count > 0) {
    const std::uint64_t left_in_part = (std::uint64_t{1} << 32U) - low_of(first);
    const std::uint64_t here = std::min(count, left_in_part);
    bitmap_->parts[high_of(first)].addRange(low_of(first), low_of(first) + here);
    first += here;
    count -= here;
  }
}

bool NumberSet::contains(std::uint64_t number) const {
  const auto part = bitmap_->parts.find(high_of(number));
  return part != bitmap_->parts.end() && part->second.contains(low_of(number));
}

std::uint64_t NumberSet::count() const {
  std::uint64_t total = 0;
  for (const auto& [high, part] : bitmap_->parts) {
    total += part.cardinality();
  }
  return total;
}

std::uint64_t NumberSet::greatest() const {
  KIST_ENSURE(!bitmap_->parts.empty());
  const auto& [high, part] = *bitmap_->parts.rbegin();
  return std::uint64_t{high} << 32U | part.maximum();
}

void NumberSet::unite(const NumberSet& other) {
  for (const auto& [high, part] : other.bitmap_->parts) {
    bitmap_->parts[high] |= part;
  }
}

void NumberSet::subtract(const NumberSet& other) {
  for (const auto& [high, part] : other.bitmap_->parts) {
    const auto mine = bitmap_->parts.find(high);
    if (mine != bitmap_->parts.end()) mine->second -= part;
  }
  bitmap_->drop_empty();
}

void NumberSet::intersect(const NumberSet& other) {
  for (auto& [high, part] : bitmap_->parts) {
    const auto theirs = other.bitmap_->parts.find(high);
    part &= theirs == other.bitmap_->parts.end() ? Roaring() : theirs->second;
  }
  bitmap_->drop_empty();
}

void NumberSet::for_each(const std::function<void(std::uint64_t)>& each) const {
  for (const auto& [high, part] : bitmap_->parts) {
    for (const std::uint32_t low : part) {
      each(std::uint64_t{high} << 32U | low);
    }
  }
}

bool NumberSet::operator==(const NumberSet& other) const {
  return bitmap_->parts == other.bitmap_->parts;
}

namespace {

// The same numbers in arrays and bitsets: runOptimize() leaves a run that takes as much as an array
// what it is, so the form would depend on how the set came to be. The library's own
// removeRunCompression() has been seen to write outside of its memory.
Roaring without_runs(const Roaring& part) {
  constexpr std::size_t at_once = 4096;
  Roaring out;
  std::vector<std::uint32_t> numbers;
  for (const std::uint32_t number : part) {
    numbers.push_back(number);
    if (numbers.size() < at_once) continue;
    out.addMany(numbers.size(), numbers.data());
    numbers.clear();
  }
  out.addMany(numbers.size(), numbers.data());
  return out;
}

}  // namespace

Bytes NumberSet::encode() const {
  ByteWriter out;
  out.u64(bitmap_->parts.size());
  for (const auto& [high, part] : bitmap_->parts) {
    Roaring optimised = without_runs(part);
    optimised.runOptimize();
    Bytes bytes(optimised.getSizeInBytes(true));
    const std::size_t size = optimised.write(reinterpret_cast<char*>(bytes.data()), true);
    KIST_ENSURE(size == bytes.size());
    out.u32(high);
    out.raw(bytes);
  }
  return out.take();
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
      heads.is_run[i] = ((unsigned{flags[i / 8]} >> (i % 8)) & 1U) != 0;
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
  NumberSet out;
  const std::uint64_t count = in.u64();
  std::uint64_t next_high = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint32_t high = in.u32();
    in.require(high >= next_high, "bitmaps are out of order");
    next_high = std::uint64_t{high} + 1;
    const std::size_t start = in.offset();
    check_bitmap(in);
    // A copy of its own, aligned: the library reads words where they lie.
    const Bytes part(bytes.begin() + static_cast<std::ptrdiff_t>(start),
                     bytes.begin() + static_cast<std::ptrdiff_t>(in.offset()));
    out.bitmap_->parts.emplace(
        high, Roaring::readSafe(reinterpret_cast<const char*>(part.data()), part.size()));
  }
  in.expect_end();
  in.require(equal(out.encode(), bytes), "the number set is not in its canonical form");
  return out;
}

}  // namespace kist
