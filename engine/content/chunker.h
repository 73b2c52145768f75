// Cuts a stream of bytes into blocks at places that its content decides, so that an insertion moves
// few cuts. Gear rolling hash with FastCDC's normalisation (Xia et al., USENIX ATC 2016): before
// the target size a cut needs two more bits, after it two fewer. The cut is decided by the hash's
// high bits, which depend on the last 64 bytes. The 256 words come from the repository's
// chunk_seed, so an outsider cannot predict cuts. docs/format.md, "Chunking".
#pragma once

#include <array>
#include <cstdint>

#include "engine/base/bytes.h"
#include "engine/format/content_parameters.h"

namespace kist {

// Minimum a quarter of the target, maximum four times: what the genesis entry then states.
ChunkerParameters chunker_parameters(std::uint32_t size_target);

using GearTable = std::array<std::uint64_t, 256>;

class Chunker {
 public:
  Chunker(const ChunkerParameters& parameters, const GearTable& table);

  [[nodiscard]] const ChunkerParameters& parameters() const { return parameters_; }

  // The size of the first block of `bytes`. Bytes beyond size_max are not looked at. When `bytes`
  // is shorter than size_max the answer is right only if the stream ends there.
  [[nodiscard]] std::size_t first_block(View bytes) const;

 private:
  ChunkerParameters parameters_;
  GearTable table_;
  std::uint64_t mask_before_ = 0;
  std::uint64_t mask_after_ = 0;
};

}  // namespace kist
