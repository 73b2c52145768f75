// Packs: frames one after another, random fill, a sealed directory, a footer; padded, so that their
// sizes say little. Pure layout. docs/format.md, "Packs".
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/id.h"

namespace kist {

// Data packs hold file content, meta packs hold manifests, so that listing a snapshot reads no data
// pack.
enum class PackKind : std::uint16_t { data = 1, meta = 2 };

inline constexpr std::size_t pack_header_size = 32;
inline constexpr std::size_t pack_footer_size = 16;

Bytes encode_pack_header(PackKind kind, const RepositoryId& repository);

struct PackHeader {
  PackKind kind = PackKind::data;
  RepositoryId repository;
};

PackHeader decode_pack_header(View bytes, std::string_view object);

// The footer tells where the sealed directory begins: right before it.
Bytes encode_pack_footer(std::uint32_t directory_sealed_size);
std::uint32_t decode_pack_footer(View bytes, std::string_view object);

// The directory's payload: where each frame lies, and nothing about its blocks.
struct FramePlace {
  std::uint32_t offset = 0;         // of the sealed contents, from the pack's start
  std::uint32_t contents_size = 0;  // sealed; the sealed list follows at once
  std::uint32_t list_size = 0;      // sealed
  bool operator==(const FramePlace&) const = default;
};

Bytes encode_pack_directory(const std::vector<FramePlace>& frames);
std::vector<FramePlace> decode_pack_directory(View bytes, std::string_view object);

// A frame's list: how the contents are encoded and which blocks they are, in order. The list of a
// rewritten frame has the blocks' numbers too, so that an index that was lost can be made from it.
enum class FrameEncoding : std::uint8_t { raw = 0, zstd = 1 };

struct ListedBlock {
  BlockId id;
  std::uint32_t size = 0;
  bool operator==(const ListedBlock&) const = default;
};

// The block numbers of each block of a frame, ascending; a block may have none. Only what was
// rewritten has them.
using BlockNumbers = std::vector<std::vector<std::uint64_t>>;

// The numbers of a frame's blocks, one block after the other: each as its difference from the
// number that would follow the one before it.
class BlockNumberCodec {
 public:
  void encode(ByteWriter& out, const std::vector<std::uint64_t>& numbers);
  // `left`: how many numbers may still be listed.
  std::vector<std::uint64_t> decode(ByteReader& in, std::uint64_t& left);

 private:
  std::uint64_t next_ = 0;
};

struct FrameList {
  FrameEncoding encoding = FrameEncoding::raw;
  bool has_numbers = false;  // the frame was rewritten
  std::vector<ListedBlock> blocks;
  BlockNumbers numbers;  // of each block, if it was
  bool operator==(const FrameList&) const = default;
};

Bytes encode_frame_list(const FrameList& list);
FrameList decode_frame_list(View bytes, std::string_view object);

// What a sealed part of a pack is bound to: repository, kind, frame number, which part.
enum class FramePart : std::uint8_t { contents = 0, list = 1, directory = 2 };
Bytes frame_associated(const RepositoryId& repository,
                       PackKind kind,
                       std::uint32_t frame,
                       FramePart part);

// The size of a pack whose frames end at `frames_end` and that is not full: the Padmé size of all
// that it holds, the directory and the footer included, in steps of 64 KiB. A full pack has
// pack_bytes_max bytes.
std::uint64_t padded_pack_size(std::uint64_t frames_end, std::size_t frame_count);
// The sealed size of a directory of that many frames.
std::uint64_t directory_sealed_size(std::size_t frame_count);

}  // namespace kist
