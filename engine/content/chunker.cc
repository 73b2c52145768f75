#include "engine/content/chunker.h"

#include <bit>

namespace kist {

namespace {

// The `count` highest bits.
std::uint64_t high_bits(unsigned count) {
  return ~std::uint64_t{0} << (64 - count);
}

constexpr unsigned normalisation_bits = 2;

}  // namespace

ChunkerParameters chunker_parameters(std::uint32_t size_target) {
  return {.size_min = size_target / 4, .size_target = size_target, .size_max = size_target * 4};
}

Chunker::Chunker(const ChunkerParameters& parameters, const GearTable& table)
    : parameters_(parameters), table_(table) {
  KIST_ENSURE(is_chunking_allowed(parameters));
  const auto bits = static_cast<unsigned>(std::countr_zero(parameters.size_target));
  mask_before_ = high_bits(bits + normalisation_bits);
  mask_after_ = high_bits(bits - normalisation_bits);
}

std::size_t Chunker::first_block(View bytes) const {
  const std::size_t size = std::min<std::size_t>(bytes.size(), parameters_.size_max);
  if (size <= parameters_.size_min) return size;
  const std::size_t target = std::min<std::size_t>(size, parameters_.size_target);
  const std::uint8_t* data = bytes.data();
  std::uint64_t hash = 0;
  std::size_t at = parameters_.size_min;
  for (; at < target; ++at) {
    hash = (hash << 1U) + table_[data[at]];
    if ((hash & mask_before_) == 0) return at + 1;
  }
  for (; at < size; ++at) {
    hash = (hash << 1U) + table_[data[at]];
    if ((hash & mask_after_) == 0) return at + 1;
  }
  return size;
}

}  // namespace kist
