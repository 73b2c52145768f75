// One pack on its way: its key, the places of its frames, and at its end the padding, the sealed
// directory and the footer. No I/O, no threads.
//
// Invariant: frames lie one after another behind the header, and the padded pack never exceeds
// pack_bytes_max: the caller asks has_room_for() before each frame but the first, which always
// fits. The size to which a pack is padded is decided here and nowhere else. docs/format.md,
// "Packs".
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/base/random.h"
#include "engine/blocks/frame.h"
#include "engine/blocks/pack_writer.h"
#include "engine/format/index.h"

namespace kist {

// The sealed sizes of a frame's two parts.
struct FrameSizes {
  std::uint32_t contents = 0;
  std::uint32_t list = 0;

  [[nodiscard]] std::uint64_t both() const { return std::uint64_t{contents} + list; }
};

class PackLayout {
 public:
  // Draws the pack's key, then the seed of its padding.
  PackLayout(const RepositoryId& repository, PackKind kind, Random& random);

  // Whether the pack, padded, stays within pack_bytes_max with one more frame.
  [[nodiscard]] bool has_room_for(const FrameSizes& sizes) const;

  // The place and the secret under which a worker seals a frame.
  struct FrameToSeal {
    FramePosition position;
    std::shared_ptr<const Key> secret;
  };

  // Gives the next place to a frame of these blocks.
  FrameToSeal place(const FrameSizes& sizes, const FrameList& list);

  // The pack as it will be once written: all but its hash, which the writer learns.
  struct Closed {
    IndexedPack indexed;
    Key key;
    PackEnd end;
  };

  // Full: it had no room for the next frame. No frame is placed after this.
  [[nodiscard]] Closed close(bool is_full);

 private:
  [[nodiscard]] std::uint64_t padded_size(const FrameSizes* next) const;
  [[nodiscard]] PackEnd end_of(std::uint64_t size);

  RepositoryId repository_;
  PackKind kind_ = PackKind::data;
  Key key_;
  Key padding_seed_;
  std::uint64_t frames_end_ = pack_header_size;
  std::vector<FramePlace> places_;
  std::vector<IndexedFrame> frames_;
};

}  // namespace kist
