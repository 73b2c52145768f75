// How a repository cuts, names and packs content: fixed by its genesis entry for good, because two
// clients that cut differently would never find each other's blocks. The bounds are law, so they
// stand here and not with the chunker that obeys them. docs/format.md, "Chunking".
#pragma once

#include <cstdint>

namespace kist {

// The sizes of the blocks that a stream is cut into.
struct ChunkerParameters {
  std::uint32_t size_min = 0;
  std::uint32_t size_target = 0;  // a power of two
  std::uint32_t size_max = 0;
  bool operator==(const ChunkerParameters&) const = default;
};

// Whether a genesis entry may ask for these: 4 KiB <= min < target < max <= 16 MiB.
[[nodiscard]] bool is_chunking_allowed(const ChunkerParameters& parameters);

struct ContentParameters {
  std::uint16_t algorithm = 1;  // 1: Gear, normalised, keyed table
  std::uint32_t block_min = 0;
  std::uint32_t block_target = 0;
  std::uint32_t block_max = 0;
  std::uint32_t frame_target = 1U << 20U;
  std::uint8_t compression = 0;  // the level a client uses unless told otherwise
  bool operator==(const ContentParameters&) const = default;

  [[nodiscard]] ChunkerParameters chunker() const { return {block_min, block_target, block_max}; }
};

}  // namespace kist
